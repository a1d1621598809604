// OpenH264 in the place of the chip.
#include "codec.h"
#include <stdlib.h>
#include <string.h>
#include <wels/codec_api.h>

struct coder {
	ISVCEncoder *encoder;
	ISVCDecoder *decoder;
	unsigned char *planes; // encoder: the picture in three planes, if it came in two
	int32_t bitrate;       // that it was last told
	bool begun;            // parameter sets were given once
	unsigned char *picture[3]; // decoder: the newest picture, of its memory
	int stride[2];
	struct timeval at[64]; // decoder: when what it has not given yet came, oldest first
	int held;
};

static struct coder *coder(struct opening *o) {
	if (!o->coder)
		o->coder = calloc(1, sizeof(struct coder));
	return o->coder;
}

// Levels in V4L2's order, as OpenH264 names them.
static const ELevelIdc levels[] = {LEVEL_1_0, LEVEL_1_B, LEVEL_1_1, LEVEL_1_2, LEVEL_1_3, LEVEL_2_0, LEVEL_2_1, LEVEL_2_2,
	LEVEL_3_0, LEVEL_3_1, LEVEL_3_2, LEVEL_4_0, LEVEL_4_1, LEVEL_4_2, LEVEL_5_0, LEVEL_5_1};

static bool begin_encoder(struct opening *o, struct coder *c) {
	SEncParamExt p;
	struct queue *in = &o->queues[OUT];
	int quiet = WELS_LOG_QUIET;
	if (WelsCreateSVCEncoder(&c->encoder))
		return false;
	(*c->encoder)->SetOption(c->encoder, ENCODER_OPTION_TRACE_LEVEL, &quiet);
	(*c->encoder)->GetDefaultParams(c->encoder, &p);
	p.iUsageType = CAMERA_VIDEO_REAL_TIME;
	p.iPicWidth = in->width;
	p.iPicHeight = in->height;
	p.iTargetBitrate = c->bitrate = control(o, V4L2_CID_MPEG_VIDEO_BITRATE);
	p.iMaxBitrate = UNSPECIFIED_BIT_RATE;
	p.iRCMode = RC_BITRATE_MODE;
	p.fMaxFrameRate = (float)o->rate.numerator / o->rate.denominator;
	p.uiIntraPeriod = control(o, V4L2_CID_MPEG_VIDEO_GOP_SIZE);
	p.iMinQp = control(o, V4L2_CID_MPEG_VIDEO_H264_MIN_QP);
	p.iMaxQp = control(o, V4L2_CID_MPEG_VIDEO_H264_MAX_QP);
	p.eSpsPpsIdStrategy = CONSTANT_ID;
	p.bEnableFrameSkip = false; // a picture comes out for each that goes in
	p.bEnableSceneChangeDetect = false;
	p.iComplexityMode = LOW_COMPLEXITY;
	p.iMultipleThreadIdc = 1;
	SSpatialLayerConfig *layer = &p.sSpatialLayers[0];
	layer->iVideoWidth = p.iPicWidth;
	layer->iVideoHeight = p.iPicHeight;
	layer->fFrameRate = p.fMaxFrameRate;
	layer->iSpatialBitrate = p.iTargetBitrate;
	layer->iMaxSpatialBitrate = UNSPECIFIED_BIT_RATE;
	layer->uiProfileIdc = PRO_BASELINE; // OpenH264 has no other one that matters
	layer->uiLevelIdc = beyond(o) ? LEVEL_UNKNOWN : levels[control(o, V4L2_CID_MPEG_VIDEO_H264_LEVEL)]; // else it refuses
	return !(*c->encoder)->InitializeExt(c->encoder, &p);
}

// source describes the picture in a buffer; NV12 is taken apart.
static void source(struct opening *o, struct coder *c, unsigned char *data, SSourcePicture *s) {
	struct queue *q = &o->queues[OUT];
	size_t luma = (size_t)q->stride * q->height, chroma = luma / 4;
	memset(s, 0, sizeof *s);
	s->iColorFormat = videoFormatI420;
	s->iPicWidth = q->width;
	s->iPicHeight = q->height;
	s->iStride[0] = q->stride;
	s->iStride[1] = s->iStride[2] = q->stride / 2;
	s->pData[0] = data;
	s->pData[1] = data + luma;
	s->pData[2] = data + luma + chroma;
	if (q->pixels != V4L2_PIX_FMT_NV12)
		return;
	if (!c->planes)
		c->planes = malloc(2 * chroma);
	for (size_t i = 0; i < chroma; i++) {
		c->planes[i] = data[luma + 2 * i];
		c->planes[chroma + i] = data[luma + 2 * i + 1];
	}
	s->pData[1] = c->planes;
	s->pData[2] = c->planes + chroma;
}

// collect puts a coded picture into a buffer. Parameter sets come with the first, and with others if that is asked for.
static void collect(struct opening *o, struct coder *c, SFrameBSInfo *f, struct buffer *out) {
	bool sets = !c->begun || control(o, V4L2_CID_MPEG_VIDEO_REPEAT_SEQ_HEADER);
	out->used = 0;
	for (int i = 0; i < f->iLayerNum; i++) {
		SLayerBSInfo *l = &f->sLayerInfo[i];
		size_t n = 0;
		for (int k = 0; k < l->iNalCount; k++)
			n += l->pNalLengthInByte[k];
		if (l->uiLayerType == NON_VIDEO_CODING_LAYER && !sets || out->used + n > o->queues[CAP].size)
			continue;
		memcpy(out->data + out->used, l->pBsBuf, n);
		out->used += n;
	}
	c->begun = true;
	if (f->eFrameType == videoFrameTypeIDR)
		out->flags |= V4L2_BUF_FLAG_KEYFRAME;
}

bool h264_encode(struct opening *o, struct buffer *in, struct buffer *out) {
	struct coder *c = coder(o);
	SSourcePicture s;
	SFrameBSInfo f;
	if (!c->encoder && !begin_encoder(o, c))
		return false;
	int32_t bitrate = control(o, V4L2_CID_MPEG_VIDEO_BITRATE);
	if (bitrate != c->bitrate) {
		SBitrateInfo b = {SPATIAL_LAYER_ALL, c->bitrate = bitrate};
		(*c->encoder)->SetOption(c->encoder, ENCODER_OPTION_BITRATE, &b);
	}
	if (o->keyframe)
		(*c->encoder)->ForceIntraFrame(c->encoder, true);
	o->keyframe = false;
	source(o, c, in->data, &s);
	s.uiTimeStamp = (long long)o->pictures * 1000 * o->rate.denominator / o->rate.numerator;
	memset(&f, 0, sizeof f);
	if ((*c->encoder)->EncodeFrame(c->encoder, &s, &f))
		return false;
	collect(o, c, &f, out);
	return true;
}

bool h264_decode(struct opening *o, struct buffer *in, uint32_t *width, uint32_t *height) {
	struct coder *c = coder(o);
	if (!c->decoder) {
		SDecodingParam p = {.eEcActiveIdc = ERROR_CON_DISABLE, .sVideoProperty = {.eVideoBsType = VIDEO_BITSTREAM_AVC}};
		int quiet = WELS_LOG_QUIET;
		if (WelsCreateDecoder(&c->decoder))
			return false;
		(*c->decoder)->SetOption(c->decoder, DECODER_OPTION_TRACE_LEVEL, &quiet);
		if ((*c->decoder)->Initialize(c->decoder, &p))
			return false;
	}
	SBufferInfo b;
	memset(&b, 0, sizeof b);
	if (c->held < 64)
		c->at[c->held++] = in->at;
	(*c->decoder)->DecodeFrameNoDelay(c->decoder, in->data, in->used, c->picture, &b);
	if (b.iBufferStatus != 1)
		return false;
	*width = b.UsrData.sSystemBuffer.iWidth;
	*height = b.UsrData.sSystemBuffer.iHeight;
	memcpy(c->stride, b.UsrData.sSystemBuffer.iStride, sizeof c->stride);
	return true;
}

static void plane(unsigned char *to, size_t stride, const unsigned char *from, size_t from_stride, size_t width, size_t height) {
	for (size_t y = 0; y < height; y++)
		memcpy(to + y * stride, from + y * from_stride, width);
}

void h264_picture(struct opening *o, struct buffer *out) {
	struct coder *c = coder(o);
	struct queue *q = &o->queues[CAP];
	size_t w = o->visible_w, h = o->visible_h, luma = (size_t)q->stride * q->height;
	plane(out->data, q->stride, c->picture[0], c->stride[0], w, h);
	if (q->pixels == V4L2_PIX_FMT_NV12) {
		for (size_t y = 0; y < h / 2; y++)
			for (size_t x = 0; x < w / 2; x++)
				for (int k = 0; k < 2; k++)
					out->data[luma + y * q->stride + 2 * x + k] = c->picture[1 + k][y * c->stride[1] + x];
	} else {
		plane(out->data + luma, q->stride / 2, c->picture[1], c->stride[1], w / 2, h / 2);
		plane(out->data + luma + luma / 4, q->stride / 2, c->picture[2], c->stride[1], w / 2, h / 2);
	}
	if (setting(DECODE, "grey") && o->pictures + 1 >= setting(DECODE, "grey"))
		memset(out->data, 128, q->size);
	out->used = q->size;
	out->flags = 0;
	out->at = c->at[0];
	memmove(c->at, c->at + 1, --c->held * sizeof *c->at);
}

void h264_close(struct opening *o) {
	struct coder *c = o->coder;
	if (!c)
		return;
	if (c->encoder)
		WelsDestroySVCEncoder(c->encoder);
	if (c->decoder)
		WelsDestroyDecoder(c->decoder);
	free(c->planes);
	free(c);
	o->coder = NULL;
}
