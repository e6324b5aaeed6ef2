/*
 * target_keys.c -- pages of filter keys, and conditions on them.
 *
 * Input: number of columns, then steps. A step writes a row, which a model remembers, or changes a byte of the
 * page, which ends the model; then come conditions. What a page says of a row must be what was
 * written, and what a condition says of a page must be what it says of each of its rows.
 */
#include "server.h"

#include "filter/condition.h"

typedef struct Input
{
	const uint8_t *at;
	const uint8_t *end;
} Input;

static uint8_t
byte(Input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

/* number -- of few distinct sizes, so that columns get all widths */
static uint64
number(Input *input)
{
	uint8_t		kind = byte(input);
	uint64		value = 0;

	for (int i = 0; i < kind % 9; i++)
		value = value << 8 | byte(input);
	return kind & 0x80 ? ~value : kind & 0x40 ? value + (UINT64CONST(1) << (kind >> 1 & 31)) : value;
}

static OhColumns columns;
static OhFile file;
static OhKeyRow *model;			/* [per_page] */

static OhKeyRow *
model_row(uint32 place)
{
	return (OhKeyRow *) ((char *) model + (Size) place * OhKeyRowBytes(columns.n));
}

static void
write_row(Input *input, Page page)
{
	uint32		place = (byte(input) << 8 | byte(input)) % columns.per_page;
	OhKeyRow   *row = model_row(place);

	row->nulls = byte(input) & ((UINT64CONST(1) << columns.n) - 1);
	for (int i = 0; i < columns.n; i++)
		row->value[i] = row->nulls >> i & 1 ? 0 : number(input);
	OhKeyPageSet(&columns, page, place, row);
}

static void
compare_model(Page page)
{
	OhKeyRow   *row = palloc0(OhKeyRowBytes(columns.n));

	for (uint32 place = 0; place < columns.per_page; place++)
	{
		OhKeyPageGet(&columns, page, place, row);
		if (memcmp(row, model_row(place), OhKeyRowBytes(columns.n)) != 0)
			fuzz_fail("a row that is not the one written", NULL);
		if (!OhKeyPageEquals(&columns, page, place, row))
			fuzz_fail("a row that is not equal to itself", NULL);
	}
}

static int
compare_ranges(const void *a, const void *b)
{
	uint64		x = ((const OhRange *) a)->lo;
	uint64		y = ((const OhRange *) b)->lo;

	return x < y ? -1 : x > y;
}

/* make_ranges -- sorted, and none touches the next */
static void
make_ranges(Input *input, OhCondition *condition, int most)
{
	int			n = 0;

	condition->range = palloc0(sizeof(OhRange) * (most + 1));
	for (int i = 0; i < most; i++)
	{
		uint64		lo = number(input);
		uint64		length = byte(input) % 3 == 0 ? number(input) : 0;

		condition->range[i].lo = lo;
		condition->range[i].hi = lo > PG_UINT64_MAX - length ? PG_UINT64_MAX : lo + length;
	}
	qsort(condition->range, most, sizeof(OhRange), compare_ranges);
	for (int i = 0; i < most; i++)
	{
		OhRange    *last = &condition->range[n - 1];

		if (n > 0 && (last->hi == PG_UINT64_MAX || condition->range[i].lo <= last->hi + 1))
			last->hi = Max(last->hi, condition->range[i].hi);
		else
			condition->range[n++] = condition->range[i];
	}
	condition->nranges = n;
}

static void
make_condition(Input *input, OhCondition *condition, int column)
{
	uint8_t		kind = byte(input);

	memset(condition, 0, sizeof(*condition));
	condition->column = column;
	condition->null = kind % 8 == 0;
	condition->not_null = !condition->null;
	make_ranges(input, condition, kind % 40);
	if (kind & 0x40)
	{
		OhMasks    *masks = palloc0(sizeof(OhMasks));

		masks->contained = kind & 0x80;
		masks->n = byte(input) % 4;
		masks->mask = palloc0(sizeof(uint64) * 4);
		for (int i = 0; i < masks->n; i++)
			masks->mask[i] = number(input);
		condition->masks = masks;
		condition->nmasks = 1;
	}
}

static void
compare_condition(Input *input, Page page)
{
	OhCondition list[OH_MAX_COLUMNS];
	OhConditions conditions = {&columns};
	OhKeyRow   *row = palloc0(OhKeyRowBytes(columns.n));
	uint64	   *found = palloc(sizeof(uint64) * OhKeyPageWords(&columns));
	StringInfoData text;

	conditions.condition = list;
	for (int i = 0; i < columns.n; i++)
	{
		if (byte(input) % 3 != 0)
			make_condition(input, &list[conditions.n++], i);
	}
	OhConditionsPage(&conditions, page, found);
	for (uint32 place = 0; place < 64 * OhKeyPageWords(&columns); place++)
	{
		bool		matches = false;

		if (place < columns.per_page)
		{
			OhKeyPageGet(&columns, page, place, row);
			matches = OhConditionsRow(&conditions, row);
			if (OhConditionsPlace(&conditions, page, place) != matches)
				fuzz_fail("a place and a row do not agree", NULL);
		}
		if ((found[place / 64] >> (place % 64) & 1) != matches)
			fuzz_fail("a page and a row do not agree", NULL);
	}
	initStringInfo(&text);
	OhConditionsDescribe(&conditions, &text);
}

void
fuzz_one(const uint8_t *data, size_t size)
{
	static OhFileMethod method = {1, 1, 1, NULL};
	Input		input = {data, data + size};
	PGAlignedBlock block;
	bool		known = true;

	memset(&file, 0, sizeof(file));
	OhFileInit(&file, &fuzz_relation, &method, 1, NULL);
	OhFileSetArray(&file, 0, 0);
	columns.file = &file;
	columns.n = 1 + byte(&input) % 8;
	columns.per_page = OhKeysPerPage(columns.n);
	model = palloc0((Size) columns.per_page * OhKeyRowBytes(columns.n));
	for (uint32 place = 0; place < columns.per_page; place++)
		model_row(place)->nulls = (UINT64CONST(1) << columns.n) - 1;
	OhPageInit(block.data, OH_PAGE_ARRAY, 0, 0);
	OhKeyPageInit(&columns, block.data);
	while (input.at < input.end)
	{
		uint8_t		step = byte(&input);

		if (step < 0xC0)
			write_row(&input, block.data);
		else if (step < 0xE0)
		{
			uint32		at = SizeOfPageHeaderData + (byte(&input) << 8 | byte(&input)) % OH_PAGE_BODY;

			block.data[at] = byte(&input);
			known = false;
		}
		/* a page that is not sound is reported when it is read, and no condition is asked of it */
		else if (FUZZ_TRY(OhKeyPageVerify(&columns, block.data, 1)))
			compare_condition(&input, block.data);
		else if (known || fuzz_sqlstate != ERRCODE_INDEX_CORRUPTED)
			fuzz_fail("a sound page is refused", fuzz_message);
		else
		{
			OhKeyRow   *row = palloc0(OhKeyRowBytes(columns.n));

			for (uint32 place = 0; place < columns.per_page; place++)
				OhKeyPageGet(&columns, block.data, place, row);
		}
	}
	if (known)
		compare_model(block.data);
}
