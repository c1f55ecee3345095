/*
 * A table as a PDF: head, boxes for signatures, rows over as many pages as they need, "n / N" at the foot. A4 across. The font is embedded with the letters that
 * are used (IPAex Gothic, packaging/), so that Japanese shows on any machine. libharu is called here only.
 */
#ifndef SK_SERVER_PDF_H
#define SK_SERVER_PDF_H

#include <stddef.h>
#include "common/buf.h"
#include "common/err.h"

#define SK_PDF_COLUMNS 24

struct sk_pdf;

/* font: path of a TrueType file, NULL = the packaged one. -ENOENT: there is none; err names the package. */
int sk_pdf_new(const char *font, struct sk_pdf **out, struct sk_err *err);
struct sk_pdf *sk_pdf_free(struct sk_pdf *p); /* NULL ok; returns NULL */

/* In this order. facts: pairs of name and value; boxes: their words; all end with NULL. */
void sk_pdf_head(struct sk_pdf *p, const char *title, const char *const *facts, const char *const *boxes);
/* widths: shares of the line, one for each head. */
void sk_pdf_columns(struct sk_pdf *p, const char *const *heads, const double *widths, size_t n);
void sk_pdf_row(struct sk_pdf *p, const char *const *cells, size_t n); /* "\n" in a cell begins a line */
void sk_pdf_page(struct sk_pdf *p); /* what follows stands on a new page */
void sk_pdf_note(struct sk_pdf *p, const char *text); /* a line of its own */
/* The whole file is added to out. 0, -ENOMEM, or -EIO with what libharu said. Nothing may be added afterwards. */
int sk_pdf_finish(struct sk_pdf *p, struct sk_buf *out, struct sk_err *err);

#endif
