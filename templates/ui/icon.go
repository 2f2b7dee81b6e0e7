package ui

import (
	"context"
	"io"
	"strings"

	"github.com/a-h/templ"

	"postern/static"
)

type baseKey struct{}

// WithBase returns a context under which icons are found on a site below base, ""
// or a path like "/mail" without a slash at its end. Call it last before Render:
// icons ask for it often.
func WithBase(ctx context.Context, base string) context.Context {
	return context.WithValue(ctx, baseKey{}, base+sprite)
}

var sprite = static.URL("icons.svg") + "#i-"

// Icon draws one icon of the sprite, 18 px unless a class says otherwise ("i-sm",
// "i-lg"). Readers pass over it: what it means is said beside it or in the label of
// the control it stands in. Names are those of Lucide that static/icons/icons.svg
// holds; a test fails for others.
func Icon(name string, class ...string) templ.Component {
	return icon{name: name, class: strings.Join(class, " ")}
}

// icon is written by hand, since a page has hundreds.
type icon struct{ name, class string }

func (i icon) Render(ctx context.Context, w io.Writer) error {
	href, ok := ctx.Value(baseKey{}).(string)
	if !ok {
		href = sprite
	}
	var b strings.Builder
	b.Grow(96 + len(href) + len(i.name) + len(i.class))
	b.WriteString(`<svg class="i`)
	if i.class != "" {
		b.WriteByte(' ')
		b.WriteString(templ.EscapeString(i.class))
	}
	b.WriteString(`" aria-hidden="true"><use href="`)
	b.WriteString(templ.EscapeString(href))
	b.WriteString(templ.EscapeString(i.name))
	b.WriteString(`"></use></svg>`)
	_, err := io.WriteString(w, b.String())
	return err
}
