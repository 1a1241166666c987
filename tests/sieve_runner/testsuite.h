/* The extension "vnd.dovecot.testsuite": commands and tests for tests. Their tables are in testsuite.c, what they do in
 * the files that command_… names. */
#ifndef MAILFERRY_TESTS_TESTSUITE_H
#define MAILFERRY_TESTS_TESTSUITE_H

#include "sieve/compiler.h"
#include "suite.h"

extern const struct sieve_extension testsuite_extension;

/* The next compilation is of a file of tests, or of a script under test, which holds no blocks of tests. */
void testsuite_compile_begin(bool tests);

/* command_test.c */
void testsuite_emit_test(struct compiler *c, struct scope *scope, const struct ast_node *node);
int testsuite_test(struct run *r, const struct op *op);
int testsuite_fail(struct run *r, const struct op *op);
int testsuite_need_message(struct run *r, const struct op *op);
int testsuite_mailbox_delete(struct run *r, const struct op *op);
int testsuite_path(struct run *r, struct slice name, struct slice *out);

/* command_set.c */
void testsuite_check_object(struct maker *m, struct slice *text);
int testsuite_set(struct run *r, const struct op *op);
int testsuite_config_set(struct run *r, const struct op *op);
int testsuite_config_unset(struct run *r, const struct op *op);
int testsuite_config_reload(struct run *r, const struct op *op);
int testsuite_message(struct run *r, const struct op *op);
int testsuite_message_print(struct run *r, const struct op *op);
int testsuite_mailbox_create(struct run *r, const struct op *op);
int testsuite_metadata_set(struct run *r, const struct op *op);
int testsuite_auth(struct run *r, size_t i, struct address_view *out);
int testsuite_orig_to(struct run *r, size_t i, struct address_view *out);

/* command_result.c */
int testsuite_script_compile(struct run *r, const struct op *op);
int testsuite_script_run(struct run *r, const struct op *op);
int testsuite_multiscript(struct run *r, const struct op *op);
int testsuite_binary_save(struct run *r, const struct op *op);
int testsuite_binary_load(struct run *r, const struct op *op);
int testsuite_result_reset(struct run *r, const struct op *op);
int testsuite_result_print(struct run *r, const struct op *op);
int testsuite_result_execute(struct run *r, const struct op *op);
int testsuite_result_action(struct run *r, const struct op *op);
int testsuite_error(struct run *r, const struct op *op);

#endif
