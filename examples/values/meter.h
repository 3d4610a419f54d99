// A meter as many C libraries offer one: it calls back with a struct, from two
// threads of its own and from a signal handler that interrupts one of them.
#ifndef METER_H
#define METER_H

#include <stdint.h>

struct reading {
	uint32_t source;	// 0 and 1: a thread, 2: the signal handler
	uint32_t number;	// of this source, from 0
	double watts;
};

typedef void (*meter_callback)(const struct reading *reading, void *user);

enum { METER_SOURCES = 3 };

// meter_run takes count readings of each source, calls back with each, and returns
// when the threads have ended: 0, or an errno.
int meter_run(uint32_t count, meter_callback callback, void *user);

#endif
