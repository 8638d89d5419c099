// SPDX-License-Identifier: MIT
#include "util/digest.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *openssl;
} kinds[DIGEST_KINDS] = {{"sha256", "SHA256"}, {"sha384", "SHA384"}, {"sha512", "SHA512"}};

int digests_load(struct digests *digests)
{
	for (size_t i = 0; i < DIGEST_KINDS; i++)
		digests->known[i] = EVP_MD_fetch(NULL, kinds[i].openssl, NULL);
	return digests->known[0] ? 0 : -ENOSYS;
}

void digests_free(struct digests *digests)
{
	for (size_t i = 0; i < DIGEST_KINDS; i++)
		EVP_MD_free(digests->known[i]);
	*digests = (struct digests){0};
}

/* DIGEST_KINDS: unknown */
static size_t kind_of(const struct digests *digests, const char *text)
{
	for (size_t i = 0; i < DIGEST_KINDS; i++) {
		size_t len = strlen(kinds[i].name);

		if (strncmp(text, kinds[i].name, len) == 0 && text[len] == ':')
			return digests->known[i] ? i : DIGEST_KINDS;
	}
	return DIGEST_KINDS;
}

bool digest_known(const struct digests *digests, const char *text)
{
	return kind_of(digests, text) < DIGEST_KINDS;
}

int digest_begin(struct digest *digest, const struct digests *digests, const char *like)
{
	size_t kind = kind_of(digests, like);

	if (kind == DIGEST_KINDS)
		return -ENOTSUP;
	*digest = (struct digest){.ctx = EVP_MD_CTX_new(), .name = kinds[kind].name};
	if (digest->ctx && EVP_DigestInit_ex(digest->ctx, digests->known[kind], NULL) == 1)
		return 0;
	digest_drop(digest);
	return -ENOMEM;
}

void digest_add(struct digest *digest, const void *data, size_t size)
{
	EVP_DigestUpdate(digest->ctx, data, size);
}

void digest_end(struct digest *digest, char text[DIGEST_TEXT])
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned int len = 0;
	size_t at;

	EVP_DigestFinal_ex(digest->ctx, raw, &len);
	at = (size_t)snprintf(text, DIGEST_TEXT, "%s:", digest->name);
	for (unsigned int i = 0; i < len && at + 2 < DIGEST_TEXT; i++, at += 2)
		snprintf(text + at, 3, "%02x", raw[i]);
	digest_drop(digest);
}

void digest_drop(struct digest *digest)
{
	EVP_MD_CTX_free(digest->ctx);
	*digest = (struct digest){0};
}
