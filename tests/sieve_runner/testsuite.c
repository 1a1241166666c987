#include "testsuite.h"

static const struct sieve_param name_params[] = {
	{ "the name of the test", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param reason_params[] = {
	{ "the reason", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param set_params[] = {
	{ "what is set", VALUE_STRING, PARAM_CONSTANT, NULL, testsuite_check_object },
	{ "the value", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param setting_params[] = {
	{ "the name of the setting", VALUE_STRING, 0, NULL, NULL },
	{ "the value", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param unset_params[] = {
	{ "the name of the setting", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param index_params[] = {
	{ "the number of the message", VALUE_NUMBER, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param mailbox_params[] = {
	{ "the mailbox", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param path_params[] = {
	{ "the script", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param paths_params[] = {
	{ "the scripts", VALUE_STRINGS, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param annotation_params[] = {
	{ "the annotation", VALUE_STRING, 0, NULL, NULL },
	{ "the value", VALUE_STRING, 0, NULL, NULL },
	{ 0 },
};

static const struct sieve_param keys_params[] = {
	{ "the keys", VALUE_STRINGS, PARAM_KEYS, NULL, NULL },
	{ 0 },
};

static void check_message(struct compiler *c, const struct ast_node *node, const struct op *op)
{
	if (op->ntags == 0)
		compile_error(c, node->pos, "\"test_message\" needs a tag: expected \":smtp\" or \":folder\"");
}

static const struct sieve_command commands[] = {
	{ "test", SIEVE_CONTROL, .block = true, .params = name_params, .emit = testsuite_emit_test,
	  .run = testsuite_test },
	{ "test_fail", SIEVE_ACTION, .params = reason_params, .run = testsuite_fail },
	{ "test_set", SIEVE_ACTION, .params = set_params, .run = testsuite_set },
	{ "test_config_set", SIEVE_ACTION, .params = setting_params, .run = testsuite_config_set },
	{ "test_config_unset", SIEVE_ACTION, .params = unset_params, .run = testsuite_config_unset },
	{ "test_config_reload", SIEVE_ACTION, .run = testsuite_config_reload },
	{ "test_result_reset", SIEVE_ACTION, .run = testsuite_result_reset },
	{ "test_result_print", SIEVE_ACTION, .run = testsuite_result_print },
	{ "test_message_print", SIEVE_ACTION, .run = testsuite_message_print },
	{ "test_message", SIEVE_ACTION, .params = index_params, .check = check_message,
	  .run = testsuite_need_message },
	{ "test_message", SIEVE_TEST, .params = index_params, .check = check_message, .run = testsuite_message },
	{ "test_mailbox_create", SIEVE_ACTION, .params = mailbox_params, .run = testsuite_mailbox_create },
	{ "test_mailbox_delete", SIEVE_ACTION, .params = mailbox_params, .run = testsuite_mailbox_delete },
	{ "test_binary_save", SIEVE_ACTION, .params = unset_params, .run = testsuite_binary_save },
	{ "test_binary_load", SIEVE_ACTION, .params = unset_params, .run = testsuite_binary_load },
	{ "test_imap_metadata_set", SIEVE_ACTION, .params = annotation_params, .run = testsuite_metadata_set },
	{ "test_script_compile", SIEVE_TEST, .params = path_params, .run = testsuite_script_compile },
	{ "test_script_run", SIEVE_TEST, .run = testsuite_script_run },
	{ "test_multiscript", SIEVE_TEST, .params = paths_params, .run = testsuite_multiscript },
	{ "test_result_execute", SIEVE_TEST, .run = testsuite_result_execute },
	{ "test_result_action", SIEVE_TEST, .matches = true, .params = keys_params, .comparator = "i;octet",
	  .run = testsuite_result_action },
	{ "test_error", SIEVE_TEST, .matches = true, .params = keys_params, .comparator = "i;octet",
	  .run = testsuite_error },
	{ 0 },
};

static const char *const on_message[] = { "test_message", NULL };
static const char *const on_reload[] = { "test_config_reload", NULL };
static const char *const on_run[] = { "test_script_run", NULL };
static const char *const on_lists[] = { "test_result_action", "test_error", NULL };
static const char *const on_metadata[] = { "test_imap_metadata_set", NULL };

static const struct sieve_tag tags[] = {
	{ "smtp", on_message, "where", VALUE_NONE, 0, NULL, NULL, NULL },
	{ "folder", on_message, "where", VALUE_STRING, 0, "the mailbox", NULL, NULL },
	{ "extension", on_reload, NULL, VALUE_STRING, 0, "the extension", NULL, NULL },
	{ "append_result", on_run, NULL, VALUE_NONE, 0, NULL, NULL, NULL },
	{ "index", on_lists, NULL, VALUE_NUMBER, 0, "the index", NULL, NULL },
	{ "mailbox", on_metadata, NULL, VALUE_STRING, 0, "the mailbox", NULL, NULL },
	{ 0 },
};

static const struct sieve_namespace namespaces[] = {
	{ "tst", .get = testsuite_path },
	{ 0 },
};

/* What no extension shows, so that files can look at what they set. */
static const struct sieve_envelope_part envelope_parts[] = {
	{ "auth", false, testsuite_auth },
	{ "orig_to", false, testsuite_orig_to },
	{ 0 },
};

const struct sieve_extension testsuite_extension = {
	"vnd.dovecot.testsuite", .commands = commands, .tags = tags, .namespaces = namespaces, .skips_unreached = true,
	.envelope_parts = envelope_parts,
	/* Tests may use this one without more ado. */
	.implies = "comparator-i;unicode-casemap",
};
