/*
 * mailferry-login, and what `mailferry login' says to it. It does for the
 * command what meets hostile bytes: it answers the browser that comes back from
 * signing in, and reads what an access token says of itself. The command starts
 * it as the supervisor starts a role (role.h); its listening socket, where there
 * is one, comes as ROLE_LISTENER. It ends when the command closes the socket.
 */
#ifndef MAILFERRY_ROLE_LOGIN_H
#define MAILFERRY_ROLE_LOGIN_H

enum login_message {
	LOGIN_WAIT = 300, /* to the role: TEXT is the state of the sign-in; NUMBER the port */
	LOGIN_ANSWER,	  /* from the role: the browser is back; TEXT is the query. It waits for a page */
	LOGIN_PAGE,  /* to the role: show it how it went, NUMBER 1: well. It is answered with the same when that is done
		      */
	LOGIN_TOKEN, /* to the role: TEXT is an access token */
	LOGIN_CLAIMS /* from the role: what that says: NUMBER (LOGIN_SAYS_…), WHO */
};

enum login_tag { LOGIN_TAG_TEXT = 1, LOGIN_TAG_NUMBER, LOGIN_TAG_WHO };

enum { LOGIN_SAYS_ANYTHING = 1, LOGIN_SAYS_APPLICATION = 2, LOGIN_SAYS_IMAP = 4 };

enum { LOGIN_TEXT_MAX = 16 * 1024 };

#endif
