// A sensor as many C libraries offer one: it runs a thread of its own and calls
// back from there, with whatever pointer it was given.
#ifndef SENSOR_H
#define SENSOR_H

typedef struct sensor sensor;
typedef void (*sensor_callback)(void *user);

// sensor_start takes count samples, calling back after each. NULL: no thread.
sensor *sensor_start(int count, sensor_callback ready, void *user);

// sensor_read stores the oldest sample not read yet, and returns 0 if there is none.
int sensor_read(sensor *s, int *sample);

// sensor_stop waits for the thread's end and frees the sensor.
void sensor_stop(sensor *s);

#endif
