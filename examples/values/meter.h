// SPDX-License-Identifier: MIT

// A meter, like that of many C libraries, passes a struct to a callback, from two
// threads of its own and from a signal handler that interrupts one of them.
#ifndef METER_H
#define METER_H

#include <stdint.h>

struct reading {
	uint32_t source;	// 0 and 1: a thread, 2: the signal handler
	uint32_t number;	// counts the readings of this source, from 0
	double watts;
};

typedef void (*meter_callback)(const struct reading *reading, void *user);

enum { METER_SOURCES = 3 };

// meter_run takes count readings of each source and calls back with each. It returns
// when the threads have ended: 0, or an errno.
int meter_run(uint32_t count, meter_callback callback, void *user);

#endif
