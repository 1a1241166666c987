#include "base/guard.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/sanitizer.h"

#ifdef BASE_ADDRESS_SANITIZER
/* The leak check traces its own process, which DUMPABLE=0 forbids: it would fail at every exit. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_leaks=0";
}
#endif

int guard_secrets(void)
{
	const struct rlimit none = { 0, 0 };

	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ? -1 : 0;
}
