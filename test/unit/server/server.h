/*
 * server.h -- what tests ask of the functions of a server that server.c has.
 */
#ifndef SERVER_H
#define SERVER_H

/* Free all that was allocated. */
extern void server_reset(void);

#endif							/* SERVER_H */
