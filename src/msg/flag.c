#include "msg/flag.h"

struct slice flag_system(struct slice flag)
{
	static const struct slice all[] = { SLICE_LIT("\\Answered"), SLICE_LIT("\\Flagged"), SLICE_LIT("\\Deleted"),
					    SLICE_LIT("\\Seen"), SLICE_LIT("\\Draft") };

	for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
		if (slice_eq_nocase(flag, all[i]))
			return all[i];
	return SLICE_NONE;
}

bool flag_is_keyword(struct slice flag)
{
	for (size_t i = 0; i < flag.n; i++)
		if (flag.p[i] <= ' ' || flag.p[i] >= 0x7f || strchr("(){%*\"\\]", flag.p[i]) != NULL)
			return false;
	return flag.n > 0;
}
