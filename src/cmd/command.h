/* The subcommands of `mailferry`: one row in main.c and one file each. */
#ifndef MAILFERRY_CMD_COMMAND_H
#define MAILFERRY_CMD_COMMAND_H

#include <stddef.h>

struct command {
	const char *name;
	const char *usage;   /* "[-c FILE] queue [list]": what stands behind "mailferry NAME" */
	const char *summary; /* one line of the list of commands */
	const char *help;    /* the paragraphs of `mailferry NAME --help` */
	/* argv[0] is the subcommand's name. --help was answered before. Returns the exit status (sysexits). */
	int (*run)(const struct command *self, const char *config_file, int argc, char **argv);
};

/* "mailferry NAME: WHAT" and the usage to standard error; returns EX_USAGE. */
int command_usage(const struct command *self, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int command_run(const struct command *self, const char *config_file, int argc, char **argv);
int command_check(const struct command *self, const char *config_file, int argc, char **argv);
int command_route(const struct command *self, const char *config_file, int argc, char **argv);
int command_login(const struct command *self, const char *config_file, int argc, char **argv);
int command_probe(const struct command *self, const char *config_file, int argc, char **argv);
int command_try(const struct command *self, const char *config_file, int argc, char **argv);
int command_queue(const struct command *self, const char *config_file, int argc, char **argv);
int command_status(const struct command *self, const char *config_file, int argc, char **argv);
int command_sync(const struct command *self, const char *config_file, int argc, char **argv);
int command_copy(const struct command *self, const char *config_file, int argc, char **argv);
int command_import(const struct command *self, const char *config_file, int argc, char **argv);
int command_user(const struct command *self, const char *config_file, int argc, char **argv);
int command_trace(const struct command *self, const char *config_file, int argc, char **argv);

struct config;
struct err;

/* For a command that reads what strangers wrote: from now on it can read the N files at PATHS (those that are there) and
 * what is open, write to what is open, and nothing else (role/confine.h). C: NULL where it has no configuration. What it
 * needs of the C library's and OpenSSL's files is loaded. 0; -1 and E when C requires more than this system has. */
int command_confine(const char *name, const struct config *c, const char *const *paths, size_t n, struct err *e);

#endif
