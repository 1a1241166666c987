/*
 * Stands under the name of a program of mailferry, which is in the directory real
 * beside it, and starts that with lying.c in front. Roles start with an empty
 * environment, so the library can't be named to the supervisor.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char self[PATH_MAX], text[2 * PATH_MAX + 100];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	char *slash;

	(void)argc;
	if (n <= 0)
		return 1;
	self[n] = '\0';
	slash = strrchr(self, '/');
	*slash = '\0';
	(void)snprintf(text, sizeof text, "%s/journal", self);
	(void)setenv("LYING_JOURNAL", text, 1);
	(void)snprintf(text, sizeof text, "%s/lying.so", self);
	(void)setenv("LD_PRELOAD", text, 1);
	(void)snprintf(text, sizeof text, "%s/real/%s", self, slash + 1);
	(void)execv(text, argv);
	perror(text);
	return 1;
}
