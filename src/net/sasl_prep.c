/* By libidn. */
#include "net/sasl_prep.h"

#include <stdlib.h>
#include <stringprep.h>

#include "base/mem.h"
#include "base/utf8.h"

char *sasl_prepare(const char *text)
{
	char *out = NULL;

	if (ascii_only(slice_str(text))) {
		for (const char *c = text; *c != '\0'; c++) {
			if (*c < ' ' || *c == 0x7f)
				return NULL;
		}
		return mem_strdup(text);
	}
	/* libidn wants valid UTF-8. What has no character in Unicode 3.2 can't be prepared (RFC 5802, 2.2). */
	if (!utf8_valid(slice_str(text)) ||
	    stringprep_profile(text, &out, "SASLprep", STRINGPREP_NO_UNASSIGNED) != STRINGPREP_OK)
		return NULL;
	if (out[0] == '\0') {
		free(out);
		return NULL;
	}
	return out;
}
