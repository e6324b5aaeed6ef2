/*
 * bit_distance.c -- distances of PostgreSQL's own type bit.
 *
 * Bits past the end of a string are zero, as the server keeps them.
 */
#include "postgres.h"

#include "compat.h"
#include "fmgr.h"
#include "kernel/kernel.h"
#include "utils/varbit.h"

OM_FUNCTION(om_hamming_distance);
OM_FUNCTION(om_jaccard_distance);

static void
check_lengths(VarBit *a, VarBit *b)
{
	if (VARBITLEN(a) != VARBITLEN(b))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("different bit lengths %u and %u", VARBITLEN(a), VARBITLEN(b))));
}

/*
 * om_hamming_distance -- how many bits differ.
 */
Datum
om_hamming_distance(PG_FUNCTION_ARGS)
{
	VarBit	   *a = PG_GETARG_VARBIT_P(0);
	VarBit	   *b = PG_GETARG_VARBIT_P(1);

	check_lengths(a, b);
	PG_RETURN_FLOAT8((double) om_kernels->differ_bits(VARBITS(a), VARBITS(b), VARBITBYTES(a)));
}

/*
 * om_jaccard_distance -- 1 less the share of common ones in the ones of either; 1 if
 * none is common.
 */
Datum
om_jaccard_distance(PG_FUNCTION_ARGS)
{
	VarBit	   *a = PG_GETARG_VARBIT_P(0);
	VarBit	   *b = PG_GETARG_VARBIT_P(1);
	uint64_t	ones[3];

	check_lengths(a, b);
	om_kernels->share_bits(VARBITS(a), VARBITS(b), VARBITBYTES(a), ones);
	if (ones[0] == 0)
		PG_RETURN_FLOAT8(1);
	PG_RETURN_FLOAT8(1 - (double) ones[0] / (double) (ones[1] + ones[2] - ones[0]));
}
