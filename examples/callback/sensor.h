// SPDX-License-Identifier: MIT

// A sensor, like that of many C libraries, runs its own thread and calls back from there,
// with the pointer that it was given.
#ifndef SENSOR_H
#define SENSOR_H

typedef struct sensor sensor;
typedef void (*sensor_callback)(void *user);

// sensor_start takes count samples and calls back after each. It returns NULL if it cannot start.
sensor *sensor_start(int count, sensor_callback ready, void *user);

// sensor_read stores the oldest unread sample, and returns 0 if there is none.
int sensor_read(sensor *s, int *sample);

// sensor_stop waits until the thread has ended and frees the sensor.
void sensor_stop(sensor *s);

#endif
