// A Vulkan loader for machines without the GPU they compile for. It stands in front of the real one (as libvulkan.so.1 on the
// library path) and leaves out what a null device cannot do: commands, submits and waits succeed and do nothing. What is left is
// what tools/gpu-stats.mjs wants: Dawn takes Mesa's RADV on its null device for the adapter, and RADV compiles for the chip.
// REAL_LOADER is the path of the real library, given by the build.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <string.h>

typedef void (*Function)(void);
typedef Function (*Finder)(void *handle, const char *name);

static const char *const left_out[] = {
  "vkBeginCommandBuffer", "vkEndCommandBuffer", "vkResetCommandBuffer", "vkResetCommandPool", "vkQueueSubmit", "vkQueueSubmit2",
  "vkQueueSubmit2KHR", "vkQueueWaitIdle", "vkDeviceWaitIdle", "vkWaitForFences", "vkGetFenceStatus",
};

static int success(void) { return 0; }

static int is_left_out(const char *name) {
  if (!strncmp(name, "vkCmd", 5)) return 1;
  for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
    if (!strcmp(name, left_out[i])) return 1;
  return 0;
}

static Function find(const char *finder, void *handle, const char *name) {
  static void *loader;
  if (!loader) loader = dlopen(REAL_LOADER, RTLD_NOW | RTLD_LOCAL);
  return loader ? ((Finder)dlsym(loader, finder))(handle, name) : NULL;
}

Function vkGetDeviceProcAddr(void *device, const char *name) {
  return is_left_out(name) ? (Function)success : find("vkGetDeviceProcAddr", device, name);
}

Function vkGetInstanceProcAddr(void *instance, const char *name) {
  if (!strcmp(name, "vkGetInstanceProcAddr")) return (Function)vkGetInstanceProcAddr;
  if (!strcmp(name, "vkGetDeviceProcAddr")) return (Function)vkGetDeviceProcAddr;
  return is_left_out(name) ? (Function)success : find("vkGetInstanceProcAddr", instance, name);
}
