#include "store/classify.h"

enum verdict classify_append(const struct imap_reply *r, bool sent)
{
	return answers_read(r, sent ? ANSWER_BODY : ANSWER_HEAD).verdict;
}

enum verdict classify_folder(const struct imap_reply *r)
{
	enum verdict v = answers_read(r, ANSWER_FOLDER).verdict;

	/* OK to a STATUS that lacks what was asked for. */
	return v == VERDICT_DONE ? VERDICT_LATER : v;
}
