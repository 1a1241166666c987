/*
 * One run of a program over one message: its state and what commands and tests
 * may use. All memory of a run comes from its arena or its scratch buffer, all
 * work is charged; both are bounded (sieve.h).
 */
#ifndef MAILFERRY_SIEVE_RUN_H
#define MAILFERRY_SIEVE_RUN_H

#include "sieve/flags.h"
#include "sieve/program.h"
#include "sieve/sieve.h"

struct content;
struct part_frame;
struct parts;
struct globals;
struct inclusion;
struct regex_state;
struct variables;

/* The strings of an argument, expanded. */
struct strings {
	const struct slice *all;
	size_t n;
};

struct run {
	const struct sieve_program *program; /* that runs now */
	uint64_t enabled;		     /* what it required, and what "ihave" found (RFC 5463) */
	const struct sieve_input *in;
	struct sieve_limits limits;
	struct plan *plan;
	struct arena arena;
	struct arena now;    /* what the operation that runs now made; empty behind it */
	struct arena passing; /* addresses of one field of a header that has too many of them to be kept; view.c */
	struct buf scratch;  /* a folded value */
	struct variables *variables; /* of the program */
	size_t variable_bytes;	     /* that all variables hold, but for the global ones */
	struct globals *globals;     /* variables that scripts share (RFC 6609, 3.4); NULL: none yet */
	struct inclusion *inclusion; /* of the outermost script that runs now, and those within; ext_include.c */
	const struct op *op; /* that runs now */
	uint64_t steps;
	bool noted;	     /* it told of itself that it does nothing: trace_note */
	struct slice field_name; /* of the field that a test found last */
	size_t found_bytes; /* that keyset.c keeps in the arena */
	int64_t cpu_from_ms; /* of the process, when the run began */
	size_t executed; /* so many actions of the plan are carried out already: nothing can stand against them any more */
	bool stopped; /* the whole run ends */
	/* A program that goes on at operation LEAVE_TO: what it includes ends at once. Only one that runs may be named. */
	const struct sieve_program *leave;
	uint32_t leave_to;
	bool returned; /* the script that runs now ends (RFC 6609, 3.3) */
	struct content *content;   /* content.h: the message as it is now; NULL until somebody asks */
	struct part_frame *frame;  /* parts.h: what the message is to the script that runs now */
	struct parts *parts;	   /* parts.h: its parts; NULL until somebody asks */
	unsigned vacation_line;	   /* of the "vacation" that ran, or 0; its answer, if one was due, is … */
	size_t vacation_at;	   /* … this action of the plan */
	struct regex_state *regex; /* regex.h: NULL until something is matched */
	struct address_view *from, *to; /* of the envelope, parsed; NULL until somebody asks */
	struct flag_store flags;   /* the internal variable of RFC 5232 */
};

/* Ends the run with an error at the operation that runs now; returns -1. */
int run_error(struct run *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Counts STEPS of work: 0, or -1 after run_error. */
int run_charge(struct run *r, size_t steps);

/* Memory of this run, N elements of SIZE octets, zeroed; NULL after run_error. */
void *run_alloc(struct run *r, size_t n, size_t size);

/* The same, until the operation ends. */
void *run_alloc_now(struct run *r, size_t n, size_t size);

/* The same in A, one of those of this run. */
void *run_alloc_in(struct run *r, struct arena *a, size_t n, size_t size);

/* S, copied into memory of this run; SLICE_NONE after run_error. */
struct slice run_copy(struct run *r, struct slice s);

/* The strings of V, with their variables expanded and checked: tests and commands read them only here. They live until the
 * operation ends. None, and the run has an error, where one is wrong: the run ends then whatever the operation returns. */
struct strings run_strings(struct run *r, const struct value *v);

/* Those of OP's argument PARAM; of one that is a single string, that; of a tag (NULL: it was not given), too. */
static inline struct strings run_param(struct run *r, const struct op *op, size_t param)
{
	return run_strings(r, &op->params[param]);
}
static inline struct slice run_value(struct run *r, const struct value *v)
{
	struct strings s = v != NULL ? run_strings(r, v) : (struct strings){ NULL, 0 };

	return s.n > 0 ? s.all[0] : SLICE_NONE;
}
static inline struct slice run_string(struct run *r, const struct op *op, size_t param)
{
	return run_value(r, &op->params[param]);
}

/* The same, for the plan: from mem_alloc; NULL for a tag that was not given. */
char *run_take(struct run *r, const struct op *op, const char *tag);

/* Whether the run has an error already. */
static inline bool run_failed(const struct run *r)
{
	return r->plan->error != NULL;
}

/* A run that may be of many programs: begun with nothing in PLAN but the implicit keep, ended without result_finish. */
void run_open(struct run *r, const struct sieve_input *in, struct plan *plan);
void run_close(struct run *r);

/* The message and its envelope are those of the input again, which may be others: nothing is known of them, and nothing is
 * edited. */
void run_forget_message(struct run *r);

/* Runs P within the run, with variables of its own. 0, or -1 after run_error. */
int run_program(struct run *r, const struct sieve_program *p);

#endif
