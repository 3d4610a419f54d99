//go:build cgo && unix && !mips && !mipsle && (!arm || arm.7)

package chandle

/*
#include <stdint.h>

// These are types of callbacks as libraries have them. Each shape is called with small numbers
// as the arguments that are not the handle.
typedef long (*shape0)(void *);
typedef void (*shape1)(int, void *);
typedef int (*shape2)(double, const char *, void *, float);
typedef void *(*shape3)(void *, uint8_t, void *, const char *);
typedef void (*shape4)(void *, int, const char *, const char *, int64_t);
typedef int (*shape5)(int, double, int, double, int, float, void *);
typedef int64_t (*shape6)(double, int, int, double, int, int, int, void *, double);

static long call_shape(int shape, void *f, void *handle)
{
	switch (shape) {
	case 0: return ((shape0)f)(handle);
	case 1: ((shape1)f)(-7, handle); return 0;
	case 2: return ((shape2)f)(0.5, (const char *)11, handle, 0.25f);
	case 3: return (long)((shape3)f)((void *)10, 200, handle, (const char *)13);
	case 4: ((shape4)f)(handle, 18, (const char *)12, (const char *)13, INT64_C(1) << 40); return 0;
	case 5: return ((shape5)f)(10, 0.5, 11, 0.25, 12, 2.5f, handle);
	case 6: return (long)((shape6)f)(0.5, 10, 11, 0.25, 12, 13, 14, handle, 2.5);
	}
	return -1;
}
*/
import "C"

import "unsafe"

// A Shape is a type of callback.
type Shape struct {
	Type   string
	Handle int            // the index of the handle among the integer and pointer arguments
	Args   map[int]uint64 // the others, by index
	Width  map[int]int    // how many bits they have, if not 64
}

// Shapes has types of callbacks with one to six integer or pointer arguments.
var Shapes = []Shape{
	{"long (*)(void *)", 0, nil, nil},
	{"void (*)(int, void *)", 1, map[int]uint64{0: 1<<32 - 7}, map[int]int{0: 32}},
	{"int (*)(double, const char *, void *, float)", 1, map[int]uint64{0: 11}, nil},
	{"void *(*)(void *, uint8_t, void *, const char *)", 2, map[int]uint64{0: 10, 1: 200, 3: 13}, map[int]int{1: 8}},
	{"void (*)(void *, int, const char *, const char *, int64_t)", 0,
		map[int]uint64{1: 18, 2: 12, 3: 13, 4: 1 << 40}, map[int]int{1: 32}},
	{"int (*)(int, double, int, double, int, float, void *)", 3,
		map[int]uint64{0: 10, 1: 11, 2: 12}, map[int]int{0: 32, 1: 32, 2: 32}},
	{"int64_t (*)(double, int, int, double, int, int, int, void *, double)", 5,
		map[int]uint64{0: 10, 1: 11, 2: 12, 3: 13, 4: 14}, map[int]int{0: 32, 1: 32, 2: 32, 3: 32, 4: 32}},
}

// CallShape calls a callback of the given Shape, and returns its result, or 0 if it has none.
func CallShape(shape int, function, handle unsafe.Pointer) int64 {
	return int64(C.call_shape(C.int(shape), function, handle))
}
