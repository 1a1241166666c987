/* Times as crontab(5) has them: what is read comes, in order, and each moment before knows the same next one. */
#include <stdint.h>
#include <stdlib.h>

#include "config/schedule.h"
#include "config/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Around changes of the clock, at ends of years, and in a century without its leap year. */
	static const int64_t moments[] = { 1772956800, 1793505600, 1798761600, 4107542400, 0 };
	struct slice text = slice_of((const char *)data + 1, size == 0 ? 0 : size - 1);
	char hint[VALUE_HINT_SIZE];
	struct schedule s;
	int64_t at, next;

	if (size == 0 || schedule_parse(text, &s, hint) != 0)
		return 0;
	(void)setenv("TZ", (data[0] & 1) == 0 ? "EST5EDT,M3.2.0,M11.1.0" : "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0", 1);
	at = (moments[data[0] % 5] + data[0] * 977) * 1000;
	for (int i = 0; i < 5; i++) {
		next = schedule_next(&s, 1, at);
		if (next <= at || next == INT64_MAX || next % 60000 != 0)
			abort();
		if (schedule_next(&s, 1, next - 1) != next || schedule_next(&s, 1, at + (next - at) / 2) != next)
			abort();
		at = next;
	}
	return 0;
}
