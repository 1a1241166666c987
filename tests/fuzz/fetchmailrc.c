/* A fetchmailrc. */
#include <stdint.h>

#include "import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	import_check(import_fetchmailrc, data, size);
	return 0;
}
