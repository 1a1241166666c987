/* mailferry run: the daemon, in the foreground. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/guard.h"
#include "cmd/activation.h"
#include "cmd/command.h"
#include "cmd/supervisor.h"

enum { ERRORS_MAX = 64 * 1024 };

int command_run(const struct command *self, const char *config_file, int argc, char **argv)
{
	bool restored = false;
	struct setup *setup;
	struct buf errors;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--restored") != 0)
			return command_usage(self, "unknown argument \"%s\"", argv[i]);
		restored = true;
	}
	activation_take();
	/* Before any secret is read; the supervisor says so where it can't be done. */
	(void)guard_secrets();
	buf_init(&errors, ERRORS_MAX);
	setup = setup_load(config_file, &errors);
	if (setup == NULL) {
		(void)fputs(buf_str(&errors), stderr);
		(void)fputs("mailferry: not started: correct the errors above, and try `mailferry check'\n", stderr);
		buf_free(&errors);
		return EX_CONFIG;
	}
	buf_free(&errors);
	return supervisor_run(config_file, setup, restored);
}
