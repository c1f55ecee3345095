/* See pdf.h. A row's height is that of its longest cell; a row that does not fit begins a new page, under the heads again. */
#include "server/pdf.h"

#include <errno.h>
#include <hpdf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/text.h"

#define FONT    "/usr/share/fonts/opentype/ipaexfont-gothic/ipaexg.ttf"
#define WIDTH   841.9 /* A4 across, in points */
#define HEIGHT  595.3
#define MARGIN  34.0
#define BOTTOM  44.0
#define SMALL   6.5 /* letters of the table */
#define NORMAL  9.0
#define LEADING 1.25
#define PAD     2.0
#define LINES   48 /* of one cell; what is longer ends in "…" */
#define PAGES   2000

struct line {
	char text[256];
	size_t n;
};

struct sk_pdf {
	HPDF_Doc doc;
	HPDF_Font font;
	HPDF_Page page, pages[PAGES];
	size_t n_pages, n;
	double y, x[SK_PDF_COLUMNS + 1];
	char heads[SK_PDF_COLUMNS][160];
	struct line lines[SK_PDF_COLUMNS][LINES];
	size_t n_lines[SK_PDF_COLUMNS];
	unsigned long problem; /* first error of libharu */
};

static void on_error(HPDF_STATUS code, HPDF_STATUS detail, void *arg)
{
	struct sk_pdf *p = arg;

	if (p->problem == 0)
		p->problem = code << 16 | (detail & 0xffff);
}

int sk_pdf_new(const char *font, struct sk_pdf **out, struct sk_err *err)
{
	struct sk_pdf *p;
	const char *name;

	if (font == NULL)
		font = FONT;
	if (access(font, R_OK) != 0)
		return sk_err_set(err, -ENOENT, "%s: cannot be read; install fonts-ipaexfont-gothic", font);
	p = calloc(1, sizeof(*p));
	if (p == NULL)
		return sk_err_set(err, -ENOMEM, "out of memory");
	p->doc = HPDF_New(on_error, p);
	if (p->doc != NULL) {
		HPDF_SetCompressionMode(p->doc, HPDF_COMP_ALL);
		HPDF_UseUTFEncodings(p->doc);
		HPDF_SetCurrentEncoder(p->doc, "UTF-8");
		name = HPDF_LoadTTFontFromFile(p->doc, font, HPDF_TRUE);
		p->font = name == NULL ? NULL : HPDF_GetFont(p->doc, name, "UTF-8");
	}
	if (p->font == NULL) {
		sk_pdf_free(p);
		return sk_err_set(err, -EIO, "%s: is not a font that can be used", font);
	}
	*out = p;
	return 0;
}

struct sk_pdf *sk_pdf_free(struct sk_pdf *p)
{
	if (p != NULL && p->doc != NULL)
		HPDF_Free(p->doc);
	free(p);
	return NULL;
}

static void new_page(struct sk_pdf *p)
{
	if (p->n_pages == PAGES || (p->page = HPDF_AddPage(p->doc)) == NULL) {
		on_error(HPDF_FAILD_TO_ALLOC_MEM, 0, p);
		p->page = p->n_pages > 0 ? p->pages[p->n_pages - 1] : NULL;
		return;
	}
	p->pages[p->n_pages++] = p->page;
	HPDF_Page_SetWidth(p->page, WIDTH);
	HPDF_Page_SetHeight(p->page, HEIGHT);
	HPDF_Page_SetLineWidth(p->page, 0.4F);
	p->y = HEIGHT - MARGIN;
}

/* What the font's encoding cannot say (beyond the basic plane) becomes 〓; nothing unprintable. Bounded by size. */
static void plain(const char *text, size_t len, char *out, size_t size)
{
	char shown[4096];
	size_t o = 0;

	sk_text_printable(shown, sizeof(shown), text, len);
	for (const unsigned char *s = (const unsigned char *)shown; *s != '\0' && o + 4 < size;) {
		size_t n = *s < 0x80 ? 1 : *s < 0xe0 ? 2 : *s < 0xf0 ? 3 : 4;

		if (n == 4) {
			memcpy(out + o, "\xe3\x80\x93", 3);
			o += 3;
		} else {
			memcpy(out + o, s, n);
			o += n;
		}
		s += n;
	}
	out[o] = '\0';
}

static void say(struct sk_pdf *p, double x, double y, double size, const char *text)
{
	if (p->page == NULL || *text == '\0')
		return;
	HPDF_Page_BeginText(p->page);
	HPDF_Page_SetFontAndSize(p->page, p->font, (float)size);
	HPDF_Page_TextOut(p->page, (float)x, (float)y, text);
	HPDF_Page_EndText(p->page);
}

static void box(struct sk_pdf *p, double x, double y, double w, double h)
{
	if (p->page == NULL)
		return;
	HPDF_Page_Rectangle(p->page, (float)x, (float)y, (float)w, (float)h);
	HPDF_Page_Stroke(p->page);
}

static double text_width(struct sk_pdf *p, const char *text, double size)
{
	HPDF_TextWidth w = HPDF_Font_TextWidth(p->font, (const HPDF_BYTE *)text, (HPDF_UINT)strlen(text));

	return (double)w.width * size / 1000;
}

/* How many bytes of text, whole letters, go on a line of that width; at least one letter. */
static size_t fitting(struct sk_pdf *p, const char *text, double width, double size)
{
	size_t n = HPDF_Font_MeasureText(p->font, (const HPDF_BYTE *)text, (HPDF_UINT)strlen(text), (float)width,
	                                 (float)size, 0, 0, HPDF_FALSE, NULL);

	while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--;
	if (n == 0)
		for (n = 1; ((unsigned char)text[n] & 0xc0) == 0x80; n++)
			;
	return n < sizeof(((struct line *)NULL)->text) - 4 ? n : sizeof(((struct line *)NULL)->text) - 4;
}

static void wrap(struct sk_pdf *p, size_t col, const char *cell, size_t most)
{
	double width = p->x[col + 1] - p->x[col] - 2 * PAD;
	char text[4096];

	p->n_lines[col] = 0;
	while (*cell != '\0' && p->n_lines[col] < most) {
		size_t len = strcspn(cell, "\n");
		const char *rest = text;

		plain(cell, len, text, sizeof(text));
		do {
			struct line *l = &p->lines[col][p->n_lines[col]++];
			size_t n = fitting(p, rest, width, SMALL);

			while (n > 0 && n < strlen(rest) && ((unsigned char)rest[n] & 0xc0) == 0x80)
				n--;
			memcpy(l->text, rest, n);
			l->text[n] = '\0';
			rest += n;
		} while (*rest != '\0' && p->n_lines[col] < most);
		cell += len;
		cell += *cell == '\n';
		if (p->n_lines[col] == most && (*rest != '\0' || *cell != '\0'))
			memcpy(p->lines[col][most - 1].text, "\xe2\x80\xa6", 4);
	}
}

static void draw_row(struct sk_pdf *p, double h)
{
	for (size_t c = 0; c < p->n; c++) {
		box(p, p->x[c], p->y - h, p->x[c + 1] - p->x[c], h);
		for (size_t i = 0; i < p->n_lines[c]; i++)
			say(p, p->x[c] + PAD, p->y - PAD - SMALL - (double)i * SMALL * LEADING, SMALL,
			    p->lines[c][i].text);
	}
	p->y -= h;
}

static double height_of(const struct sk_pdf *p)
{
	size_t most = 1;

	for (size_t c = 0; c < p->n; c++)
		most = p->n_lines[c] > most ? p->n_lines[c] : most;
	return (double)most * SMALL * LEADING + 2 * PAD;
}

static void draw_heads(struct sk_pdf *p)
{
	for (size_t c = 0; c < p->n; c++)
		wrap(p, c, p->heads[c], 8);
	draw_row(p, height_of(p));
}

void sk_pdf_head(struct sk_pdf *p, const char *title, const char *const *facts, const char *const *boxes)
{
	double x, w;
	char text[256];
	size_t n = 0;

	new_page(p);
	plain(title, strlen(title), text, sizeof(text));
	say(p, (WIDTH - text_width(p, text, 15)) / 2, p->y - 16, 15, text);
	while (boxes[n] != NULL)
		n++;
	x = WIDTH - MARGIN - 78.0 * (double)n;
	p->y -= 26;
	for (size_t i = 0; i < n; i++, x += 78) {
		plain(boxes[i], strlen(boxes[i]), text, sizeof(text));
		box(p, x, p->y - 14, 78, 14);
		box(p, x, p->y - 58, 78, 44);
		w = text_width(p, text, SMALL);
		say(p, x + (w < 78 ? (78 - w) / 2 : 1), p->y - 10, w < 76 ? SMALL : 4.5, text);
	}
	p->y -= 72;
	x = MARGIN;
	for (; facts[0] != NULL && facts[1] != NULL; facts += 2) {
		snprintf(text, sizeof(text), "%.80s  %.160s", facts[0], facts[1]);
		plain(text, strlen(text), text, sizeof(text));
		w = text_width(p, text, NORMAL) + 18;
		if (x + w > WIDTH - MARGIN) {
			x = MARGIN;
			p->y -= NORMAL * 1.5;
		}
		say(p, x, p->y, NORMAL, text);
		x += w;
	}
	p->y -= 10;
}

void sk_pdf_columns(struct sk_pdf *p, const char *const *heads, const double *widths, size_t n)
{
	double sum = 0, x = MARGIN;

	p->n = n < SK_PDF_COLUMNS ? n : SK_PDF_COLUMNS;
	for (size_t c = 0; c < p->n; c++)
		sum += widths[c];
	for (size_t c = 0; c < p->n; c++) {
		p->x[c] = x;
		x += (WIDTH - 2 * MARGIN) * widths[c] / (sum > 0 ? sum : 1);
		sk_text_copy(p->heads[c], sizeof(p->heads[c]), heads[c]);
	}
	p->x[p->n] = x;
	draw_heads(p);
}

void sk_pdf_row(struct sk_pdf *p, const char *const *cells, size_t n)
{
	double h;

	for (size_t c = 0; c < p->n; c++)
		wrap(p, c, c < n && cells[c] != NULL ? cells[c] : "", LINES);
	h = height_of(p);
	if (p->y - h < BOTTOM) {
		new_page(p);
		draw_heads(p);
		for (size_t c = 0; c < p->n; c++)
			wrap(p, c, c < n && cells[c] != NULL ? cells[c] : "", LINES);
	}
	draw_row(p, h);
}

void sk_pdf_page(struct sk_pdf *p)
{
	new_page(p);
}

void sk_pdf_note(struct sk_pdf *p, const char *text)
{
	char shown[512];

	if (p->y - 16 < BOTTOM)
		new_page(p);
	plain(text, strlen(text), shown, sizeof(shown));
	say(p, MARGIN, p->y - 12, NORMAL, shown);
	p->y -= 16;
}

int sk_pdf_finish(struct sk_pdf *p, struct sk_buf *out, struct sk_err *err)
{
	HPDF_UINT32 n;
	HPDF_BYTE piece[8192];
	char text[48];

	for (size_t i = 0; i < p->n_pages; i++) {
		p->page = p->pages[i];
		snprintf(text, sizeof(text), "%zu / %zu", i + 1, p->n_pages);
		say(p, (WIDTH - text_width(p, text, 8)) / 2, 22, 8, text);
	}
	if (p->problem == 0)
		HPDF_SaveToStream(p->doc);
	if (p->problem == 0)
		HPDF_ResetStream(p->doc);
	while (p->problem == 0) {
		n = sizeof(piece);
		HPDF_ReadFromStream(p->doc, piece, &n);
		if (n == 0)
			break;
		(void)sk_buf_add(out, piece, n);
		if (n < sizeof(piece))
			break;
	}
	if (p->problem != 0 && p->problem >> 16 != HPDF_STREAM_EOF)
		return sk_err_set(err, -EIO, "the PDF could not be made (libharu %lx)", p->problem);
	return sk_buf_error(out);
}
