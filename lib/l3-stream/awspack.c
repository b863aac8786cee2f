#include "l3-stream/awspack.h"

#include <stdlib.h>

#include "l0-base/gzip.h"
#include "l3-stream/awsconfig.h"
#include "l3-stream/awsrequest.h"

/* Shorter bodies are not worth it, where the user does not say otherwise. */
#define LEAST 10240
#define LEAST_MOST 10485760
/* As zlib's own default. */
#define LEVEL 6

struct awspack {
	int never;
	int64_t least;
	struct gzip_packer *packer; /* made when there is something to pack */
	struct buf packed;
};

int awspack_new(const struct awsconfig *c, struct awspack **out, struct err *err)
{
	struct awspack *p = calloc(1, sizeof *p);

	if (p == NULL)
		return err_memory(err);
	p->least = LEAST;
	p->never = awsconfig_truth(c, "AWS_DISABLE_REQUEST_COMPRESSION",
				   "disable_request_compression", err);
	if (p->never < 0 || awsconfig_number(c, "AWS_REQUEST_MIN_COMPRESSION_SIZE_BYTES",
					     "request_min_compression_size_bytes", 0, LEAST_MOST,
					     &p->least, err) != 0) {
		awspack_free(p);
		return -1;
	}
	*out = p;
	return 0;
}

void awspack_free(struct awspack *p)
{
	if (p == NULL)
		return;
	gzip_packer_free(p->packer);
	buf_free(&p->packed);
	free(p);
}

int awspack_request(struct awspack *p, struct awsrequest *r, struct err *err)
{
	uint32_t crc;

	r->encoding = NULL;
	if (p->never || r->body.len < (size_t)p->least)
		return 0;
	if (p->packer == NULL)
		p->packer = gzip_packer_new(LEVEL);
	if (p->packer == NULL)
		return err_memory(err);
	buf_clear(&p->packed);
	gzip_put_head(&p->packed);
	if (gzip_put_block(p->packer, r->body, &p->packed, &crc, err) != 0)
		return -1;
	if (gzip_put_tail(&p->packed, crc, r->body.len) != 0)
		return err_memory(err);
	r->body = buf_view(&p->packed);
	r->encoding = "gzip";
	return 0;
}
