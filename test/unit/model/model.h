/*
 * model.h -- models of what several processes do at once, small enough that every order of steps can be tried.
 */
#ifndef MODEL_H
#define MODEL_H

#include <stdbool.h>

extern void model_report(bool ok, const char *format,...) __attribute__((format(printf, 2, 3)));

extern void model_weak(void);	/* the graph of a build, on a weakly ordered machine */
extern void model_slots(void);	/* slots of an index that are freed and used again */
extern void model_drops(void);	/* links that inserts drop because of one another */

#endif							/* MODEL_H */
