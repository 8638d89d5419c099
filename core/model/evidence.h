/* SPDX-License-Identifier: MIT */
/* What one access proves about the existence of its path. */
#ifndef MODEL_EVIDENCE_H
#define MODEL_EVIDENCE_H

#include <tkit/event.h>

enum evidence {
	EVIDENCE_NONE = 0,
	EVIDENCE_EXISTS,  /* the name was there before the call */
	EVIDENCE_ABSENT,  /* the name was not there */
	EVIDENCE_CREATES, /* was not there, and is there now */
	EVIDENCE_AFTER,   /* is there now; whether it was there before is unknown */
	EVIDENCE_REMOVES  /* was there, and is gone now */
};

/* An access or exec event only. An unknown result proves nothing. */
enum evidence evidence_of(const struct tkit_event *event);

#endif
