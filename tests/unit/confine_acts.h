/* What a role that was taken over might try: rows of name, what to do, who may, and how it ends for the others. */
#ifndef MAILFERRY_TESTS_CONFINE_ACTS_H
#define MAILFERRY_TESTS_CONFINE_ACTS_H

#include <signal.h>
#include <stddef.h>

enum { ACTS_PORT = 49151, ACT_KILLED = 1000 + SIGSYS };

struct act {
	const char *name;
	int (*act)(void); /* 0, or an errno */
	unsigned needs;	  /* bits of filter.h; 0: nobody may */
	int without;	  /* how it ends without one of them: an errno, or ACT_KILLED */
	int with;	  /* and with one */
	int either;	  /* also good in place of WITHOUT; 0: nothing */
};

extern const struct act acts[];
extern const size_t acts_n;

int acts_setup(void);	   /* once: a directory, a listener */
void acts_remove(void);
void acts_prepare(void);   /* in the process that will be confined */
int acts_directory(void);  /* open: the one that a role may work in */

#endif
