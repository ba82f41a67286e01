/* imu.h: motion sensors on the skin become the inputs of a network; mien.h includes it.
 *
 *   mien_imu *imu = NULL;
 *   mien_imu_create(places, rotations, 13, 100.0f, &imu);  // where each is meant to sit, the head's first
 *   while (next_rows(t_ns, acc, gyro, &rows)) {            // any rate of 50..400 Hz, jitter and gaps allowed
 *     mien_imu_process(imu, t_ns, acc, gyro, rows, step_ns, features, 64, &steps);
 *     ... the network runs once for each of the `steps` rows of `features` ...
 *   }
 *
 * The first two seconds in which nobody moves are the calibration; until then there are no steps. Units are m/s^2
 * (specific force: at rest about 9.81 upwards) and rad/s, in each sensor's own axes. The rules of mien.h hold.
 * mien/pipeline.h has the whole way, network included.
 */
#include "mien/mien.h" /* which includes this file, so before the guard */

#ifndef MIEN_IMU_H
#define MIEN_IMU_H

#ifdef __cplusplus
extern "C" {
#endif

#define MIEN_IMU_MAX_SENSORS 32 /* with the head's */

typedef struct mien_imu mien_imu;

/* places: 3 per sensor, metres in head axes (x to the wearer's left, y up, z out of the face). rotations: 4 per sensor,
 * unit quaternions x, y, z, w from the sensor's axes to the head's as it is meant to be glued on. sensors:
 * 2..MIEN_IMU_MAX_SENSORS, the first is rigid on the head. rate: of the steps in Hz, 20..400.
 * Errors: ARGUMENT, NOT_FINITE, MEMORY. */
MIEN_API mien_status mien_imu_create(const float *places, const float *rotations, int32_t sensors, float rate,
                                     mien_imu **imu);
MIEN_API void mien_imu_destroy(mien_imu *imu); /* NULL is allowed */
/* Forgets time and motion, and a calibration that it found by itself. */
MIEN_API mien_status mien_imu_reset(mien_imu *imu);

/* Floats per step, for n = sensors - 1: n * 12 (rotation vector in units of 0.2 rad, angular velocity in rad/s,
 * acceleration in units of 2 m/s^2 and fading velocity in units of 0.1 m/s, all relative to the head, in head axes,
 * clamped to -8..8; zeros where a sensor is missing), n flags (1: it is there), then the head's angular velocity in
 * units of 2 rad/s and its specific force in units of g. */
MIEN_API mien_status mien_imu_feature_count(const mien_imu *imu, size_t *count);

/* Takes rows of samples (3 floats per sensor, NaN where a sensor gave none) and writes the steps that they complete.
 * step_ns and features have room for `capacity` steps; CAPACITY leaves everything as it was, and *steps is how many
 * may be needed. A step is completed by the last row that is expected in it, so its time may lie up to a step behind
 * the newest row's; what comes after is made up for in the next. After a second without rows the steps begin anew.
 * Errors: ARGUMENT, TIME: t_ns is not increasing, CAPACITY. */
MIEN_API mien_status mien_imu_process(mien_imu *imu, const int64_t *t_ns, const float *acc, const float *gyro,
                                      size_t rows, int64_t *step_ns, float *features, size_t capacity, size_t *steps);

/* What is known of each sensor as it was glued on. */
typedef struct mien_imu_mounts {
  uint32_t struct_size;
  int32_t sensors;
  uint8_t known[MIEN_IMU_MAX_SENSORS];     /* 0: it gave nothing while still; it stays missing */
  float bias[MIEN_IMU_MAX_SENSORS][3];     /* of the gyroscope, rad/s, the sensor's axes */
  float rotation[MIEN_IMU_MAX_SENSORS][4]; /* its axes -> head axes, with the face at rest */
  float place[MIEN_IMU_MAX_SENSORS][3];    /* metres, head axes */
  float tilt[MIEN_IMU_MAX_SENSORS];        /* radians between its gravity and what its seat promised */
  int32_t turned[MIEN_IMU_MAX_SENSORS];    /* degrees about its z axis by which it was glued on wrongly: 180 is upside
                                              down; 1: on its face; 0: rightly */
  float spread_acc[MIEN_IMU_MAX_SENSORS];  /* standard deviations while still, m/s^2 and rad/s */
  float spread_gyro[MIEN_IMU_MAX_SENSORS];
} mien_imu_mounts;

/* The calibration; DEGENERATE while there is none. */
MIEN_API mien_status mien_imu_calibration(const mien_imu *imu, mien_imu_mounts *mounts);
/* Gives it one that was kept; `reset` does not forget it. Errors: ARGUMENT, STRUCT, NOT_FINITE. */
MIEN_API mien_status mien_imu_calibrate(mien_imu *imu, const mien_imu_mounts *mounts);
/* Corrects the calibration by some 20 s of recorded rows in which head and face move: how each sensor is turned, about
 * gravity too. *corrected receives how many sensors moved enough for it.
 * Errors: ARGUMENT, TIME, DEGENERATE: there is no calibration to begin with. */
MIEN_API mien_status mien_imu_refine(mien_imu *imu, const int64_t *t_ns, const float *acc, const float *gyro,
                                     size_t rows, int32_t *corrected);

enum { MIEN_IMU_MISSING = 1, MIEN_IMU_STUCK = 2, MIEN_IMU_SATURATED = 4 };
enum { MIEN_IMU_ACC_IN_G = 1, MIEN_IMU_GYRO_IN_DEGREES = 2, MIEN_IMU_ACC_UNKNOWN = 4 };

/* How the samples look: units that are not m/s^2 and rad/s, found since the last reset; and each sensor's newest row:
 * missing, bit-equal for 0.3 s, or at the end of its range. What is stuck or saturated counts as missing. */
typedef struct mien_imu_health {
  uint32_t struct_size;
  uint32_t units;                       /* MIEN_IMU_ACC_..., MIEN_IMU_GYRO_... */
  uint32_t fault[MIEN_IMU_MAX_SENSORS]; /* MIEN_IMU_MISSING ... */
} mien_imu_health;

MIEN_API mien_status mien_imu_check(const mien_imu *imu, mien_imu_health *health);

#ifdef __cplusplus
}
#endif
#endif
