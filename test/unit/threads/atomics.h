/*
 * atomics.h -- PostgreSQL's atomic operations and barriers as ThreadSanitizer understands them; included first in
 * each file.
 *
 * It knows no fences, no assembler, and no order of what depends on a value that was read.  So an atomic read
 * acquires here and an atomic write releases, those of links too: what it reports then is whatever two threads
 * use without any of these between.  test/model looks at the barriers themselves.
 *
 * THREADS_BREAK takes one of the rules away, to see that its absence is reported.
 */
#ifndef THREADS_ATOMICS_H
#define THREADS_ATOMICS_H

#include "postgres.h"

#include "port/atomics.h"

#define BREAK_LOCKS		1		/* locks are not taken */
#define BREAK_LINKS		2		/* links are published in no order */
#define BREAK_TWINS		3		/* so are entries of the table of twins */

#ifndef THREADS_BREAK
#define THREADS_BREAK	0
#endif

#define LOAD_ORDER		__ATOMIC_ACQUIRE
#define STORE_ORDER		__ATOMIC_RELEASE
#define RELAXED			0		/* the compiler's __ATOMIC_RELAXED, which is redefined below */
#define SWAP_ORDER		(THREADS_BREAK == BREAK_TWINS ? RELAXED : __ATOMIC_SEQ_CST)

#define pg_atomic_read_u32(p)			__atomic_load_n(&(p)->value, LOAD_ORDER)
#define pg_atomic_read_u64(p)			__atomic_load_n(&(p)->value, LOAD_ORDER)
#define pg_atomic_write_u32(p, v)		__atomic_store_n(&(p)->value, v, STORE_ORDER)
#define pg_atomic_exchange_u32(p, v) \
	(THREADS_BREAK == BREAK_LOCKS ? 0 : __atomic_exchange_n(&(p)->value, v, __ATOMIC_SEQ_CST))
#define pg_atomic_fetch_add_u32(p, v)	__atomic_fetch_add(&(p)->value, v, __ATOMIC_SEQ_CST)
#define pg_atomic_compare_exchange_u32(p, e, v) \
	__atomic_compare_exchange_n(&(p)->value, e, v, false, SWAP_ORDER, SWAP_ORDER)
#define pg_atomic_compare_exchange_u64(p, e, v) \
	__atomic_compare_exchange_n(&(p)->value, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

#undef pg_read_barrier
#undef pg_write_barrier
#define pg_read_barrier()	((void) 0)
#define pg_write_barrier()	((void) 0)

/* of OhReadLink() and OhWriteLink() */
#undef __ATOMIC_RELAXED
#define __ATOMIC_RELAXED	(THREADS_BREAK == BREAK_LINKS ? RELAXED : __ATOMIC_SEQ_CST)

#endif							/* THREADS_ATOMICS_H */
