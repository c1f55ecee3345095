/* Answers in pieces: whole or cut off, never half taken for whole; nothing is made for who does not read or has gone. */
#include "tests/unit/http_help.h"

Test(http_stream, in_pieces, .init = setup, .fini = teardown)
{
	struct line *l = dial();

	say(l, "GET /pieces/5 HTTP/1.1\r\nHost: x\r\n\r\nGET /echo/next HTTP/1.1\r\nHost: x\r\n\r\n");
	cr_assert(hear(l, "[/echo/next]"), "%s", l->text);
	cr_expect_not_null(strstr(l->text, "Transfer-Encoding: chunked"));
	cr_expect_not_null(strstr(l->text, "X-Content-Type-Options: nosniff"));
	cr_expect_not_null(strstr(l->text, "\r\n0\r\n\r\n"));
	cr_expect(pieces.ended == 1 && pieces.whole == 1 && pieces.made == 9);
	hang_up(l);
	cr_expect_not_null(strstr(ask("HEAD /pieces/5 HTTP/1.1\r\n" END), "200"));
	cr_expect(pieces.ended == 1 && pieces.made == 0);
	cr_expect_not_null(strstr(ask("GET /pieces/1 HTTP/1.0\r\n\r\n"), "aaaa"));
	cr_expect(pieces.ended == 1 && pieces.whole == 1);
}

Test(http_stream, half_a_file_is_not_taken_for_a_whole, .init = setup, .fini = teardown)
{
	char *answer = ask("GET /pieces/bad HTTP/1.1\r\nHost: x\r\n\r\n");

	cr_expect_not_null(strstr(answer, "aaaa"));
	cr_expect_null(strstr(answer, "\r\n0\r\n\r\n"));
	cr_expect(pieces.ended == 1 && pieces.whole == 0);
	turn(50);
	cr_expect_eq(sk_listener_connections(listener), 0);
}

Test(http_stream, who_does_not_read_gets_no_more_made, .init = setup, .fini = teardown)
{
	struct line *l = dial();

	bufferevent_setwatermark(l->bev, EV_READ, 0, 4096);
	say(l, "GET /pieces/100000 HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 300 && pieces.made == 0; i++)
		turn(10);
	bufferevent_disable(l->bev, EV_READ);
	for (int i = 0; i < 500 && pieces.ended == 0; i++)
		turn(10);
	cr_expect(pieces.ended == 1 && pieces.whole == 0, "past the deadline it is cut");
	cr_expect_lt(pieces.made, 2000, "%d pieces of 64 KiB wait for nobody", pieces.made);
	hang_up(l);
	turn(50);
	cr_expect_eq(sk_listener_connections(listener), 0);
}

Test(http_stream, gone_in_the_middle_of_a_file, .init = setup, .fini = teardown)
{
	struct line *l = dial();

	say(l, "GET /pieces/100000 HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 300 && pieces.made < 10; i++)
		turn(10);
	hang_up(l);
	for (int i = 0; i < 500 && pieces.ended == 0; i++)
		turn(10);
	cr_expect(pieces.ended == 1 && pieces.whole == 0);
	turn(50);
	cr_expect_eq(sk_listener_connections(listener), 0);
}

Test(http_stream, stopped_in_the_middle_of_a_file, .init = setup)
{
	struct line *l = dial();

	say(l, "GET /pieces/100000 HTTP/1.1\r\nHost: x\r\n\r\n");
	for (int i = 0; i < 300 && pieces.made < 10; i++)
		turn(10);
	bufferevent_disable(l->bev, EV_READ);
	teardown();
	cr_expect(pieces.ended == 1 && pieces.whole == 0);
}
