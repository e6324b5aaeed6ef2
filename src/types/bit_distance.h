/*
 * bit_distance.h -- distances of PostgreSQL's own type bit.
 */
#ifndef OM_BIT_DISTANCE_H
#define OM_BIT_DISTANCE_H

#include "postgres.h"

#include "utils/varbit.h"

/*
 * Distances of two bit strings of equal length (not checked here), exactly as the SQL
 * operators compute them.  Jaccard is 1 if no bit is set in both.
 */
extern double om_bit_hamming(const VarBit *a, const VarBit *b);
extern double om_bit_jaccard(const VarBit *a, const VarBit *b);

/* The same for bytes, for callers that hold no VarBit. */
extern double om_bytes_hamming(const uint8 *a, const uint8 *b, int bytes);
extern double om_bytes_jaccard(const uint8 *a, const uint8 *b, int bytes);

/* Report the error that two lengths differ. */
extern void om_bit_mismatch(int a, int b);

#endif							/* OM_BIT_DISTANCE_H */
