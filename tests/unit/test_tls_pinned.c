/* TLS pinned to a root: the pin excuses that nobody vouched for the root, and nothing else. */
#include <criterion/criterion.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "common/pem.h"
#include "tests/unit/tls_pair.h"

TestSuite(tls_pinned, .init = setup, .fini = teardown, .timeout = 60);

Test(tls_pinned, pinned)
{
	struct sk_tls *s = public_server_of(&here, here.chain.data), *c = pinned_to(here.root_pin);
	struct sk_tls_peer peer;
	struct sk_buf root;

	sk_buf_init(&root, 10000);
	meet(s, c, HOST);
	expect_good();
	cr_assert_eq(sk_tls_peer(srv.bev, &peer), 0);
	cr_expect_not(peer.present);
	cr_expect_str_eq(peer.fingerprint, "");
	cr_assert_eq(sk_tls_peer(cli.bev, &peer), 0);
	cr_expect(peer.present);
	cr_assert_eq(sk_tls_peer_root(cli.bev, &root), 0);
	cr_expect_str_eq(root.data, here.ca.data);
	cr_expect_eq(sk_tls_peer_root(srv.bev, &root), -ENOTCONN);
	meet(s, c, "other.example.jp");
	expect_client_refused("hostname mismatch");
	cr_expect_eq(sk_tls_peer_root(cli.bev, &root), -ENOTCONN);
	end_sides();
	sk_buf_deinit(&root);
	sk_tls_free(s);
	sk_tls_free(c);
}

Test(tls_pinned, pinned_to_something_else)
{
	struct sk_tls *s = public_server_of(&here, here.chain.data), *c = pinned_to(elsewhere.root_pin);
	struct sk_x509_info info;

	meet(s, c, HOST);
	expect_client_refused("certificate refused: ");
	end_sides();
	sk_tls_free(c);
	cr_assert_eq(sk_x509_info(here.server.data, here.server.len, &info, &err), 0);
	c = pinned_to(info.fingerprint); /* the leaf is not the root */
	meet(s, c, HOST);
	expect_client_refused("certificate refused: ");
	end_sides();
	sk_tls_free(c);
	sk_tls_free(s);
}

Test(tls_pinned, pinned_root_not_sent)
{
	struct sk_tls *s = public_server_of(&here, here.server.data), *c = pinned_to(here.root_pin);

	meet(s, c, HOST);
	expect_client_refused("certificate refused: ");
	end_sides();
	sk_tls_free(c);
	sk_tls_free(s);
}

/* The true root stands in the chain, and the leaf names it as issuer with its key id, but another key signed. */
Test(tls_pinned, pinned_root_with_a_forged_leaf)
{
	X509 *leaf = sk_pem_read_cert(here.server.data, here.server.len);
	EVP_PKEY *own = sk_pem_read_key(elsewhere.server_key.data, elsewhere.server_key.len),
	         *evil = sk_pem_read_key(elsewhere.ca_key.data, elsewhere.ca_key.len);
	struct sk_tls *s = NULL, *c = pinned_to(here.root_pin);
	struct sk_buf chain;

	sk_buf_init(&chain, 20000);
	cr_assert_eq(X509_set_pubkey(leaf, own), 1);
	cr_assert_gt(X509_sign(leaf, evil, EVP_sha256()), 0);
	cr_assert_eq(sk_pem_write_cert(&chain, leaf), 0);
	cr_assert_eq(sk_buf_adds(&chain, here.ca.data), 0);
	cr_assert_eq(sk_tls_server_public(chain.data, elsewhere.server_key.data, &s, &err), 0, "%s", err.text);
	meet(s, c, HOST);
	expect_client_refused("certificate refused: ");
	end_sides();
	sk_tls_free(s);
	sk_tls_free(c);
	sk_buf_deinit(&chain);
	X509_free(leaf);
	EVP_PKEY_free(own);
	EVP_PKEY_free(evil);
}

/* A true root that follows a chain of another authority vouches for nothing. */
Test(tls_pinned, pinned_root_beside_another_chain)
{
	struct sk_tls *s = NULL, *c = pinned_to(here.root_pin);
	struct sk_buf chain;

	sk_buf_init(&chain, 20000);
	sk_buf_adds(&chain, elsewhere.chain.data);
	sk_buf_adds(&chain, here.ca.data);
	cr_assert_eq(sk_tls_server_public(chain.data, elsewhere.server_key.data, &s, &err), 0, "%s", err.text);
	meet(s, c, HOST);
	expect_client_refused("certificate refused: ");
	end_sides();
	sk_tls_free(s);
	sk_tls_free(c);
	sk_buf_deinit(&chain);
}

Test(tls_pinned, pin_must_be_a_fingerprint)
{
	struct sk_tls *c = NULL;

	cr_expect_eq(sk_tls_client_pinned("", &c, &err), -EINVAL);
	cr_expect_eq(sk_tls_client_pinned("00", &c, &err), -EINVAL);
	cr_expect_eq(sk_tls_client_pinned(NULL, &c, &err), -EINVAL);
	cr_expect_null(c);
}
