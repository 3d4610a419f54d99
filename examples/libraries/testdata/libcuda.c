// SPDX-License-Identifier: MIT
/*
 * A stand-in for libcuda.so.1. It does immediately what a stream does later, except
 * that another thread calls host functions.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int cuInit(unsigned flags) { return flags; }
int cuDeviceGet(int *device, int number) { return *device = number; }
int cuCtxCreate_v2(void **context, unsigned flags, int device) { *context = 0; return flags || device; }
int cuStreamCreate(void **stream, unsigned flags) { *stream = malloc(1); return flags; }
int cuMemAlloc_v2(void **memory, size_t size) { return !(*memory = malloc(size)); }
int cuMemAllocHost_v2(void **memory, size_t size) { return !(*memory = malloc(size)); }

int cuMemsetD32Async(uint32_t *memory, unsigned value, size_t words, void *stream)
{
	while (words)
		memory[--words] = value;
	return !stream;
}

int cuMemcpyDtoHAsync_v2(void *host, const void *memory, size_t size, void *stream)
{
	memcpy(host, memory, size);
	return !stream;
}

struct host { void (*function)(void *); void *user; };

static void *run(void *p)
{
	struct host *host = p;
	host->function(host->user);
	return NULL;
}

int cuLaunchHostFunc(void *stream, void (*function)(void *), void *user)
{
	struct host host = { function, user };
	pthread_t thread;
	return !stream || pthread_create(&thread, NULL, run, &host) || pthread_join(thread, NULL);
}
