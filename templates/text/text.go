// Package text is the message catalogue: every word a person reads passes
// through T. The English wording is the key; what needs plurals or differs from
// its key stands in en.go. Further languages are further files of the same shape.
package text

import (
	"context"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/message/catalog"
)

type ctxKey struct{}

var (
	cat     = catalog.NewBuilder(catalog.Fallback(language.English))
	english = message.NewPrinter(language.English, message.Catalog(cat))
)

// With returns a context in which T speaks lang.
func With(ctx context.Context, lang language.Tag) context.Context {
	return context.WithValue(ctx, ctxKey{}, message.NewPrinter(lang, message.Catalog(cat)))
}

// T words a message in the language of ctx. Numbers are grouped the language's
// way and choose the plural form; %s arguments are inserted as they are.
func T(ctx context.Context, key string, args ...any) string {
	if p, ok := ctx.Value(ctxKey{}).(*message.Printer); ok {
		return p.Sprintf(key, args...)
	}
	return english.Sprintf(key, args...)
}

// Lang is the language tag of ctx for the lang attribute.
func Lang(context.Context) string { return "en" }

// Dir is the writing direction of the interface for the dir attribute.
func Dir(context.Context) string { return "ltr" }
