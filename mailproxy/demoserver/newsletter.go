package demoserver

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"
)

// publication is a periodical with its stock of articles.
type publication struct {
	key, name, address, colour string
	days                       int // between two issues
	articles                   [][2]string
}

func publications() []publication {
	var out []publication
	for line := range strings.Lines(corpusFile("articles.txt")) {
		line = strings.TrimRight(line, "\n")
		f := strings.Split(strings.TrimPrefix(line, "@ "), " | ")
		if strings.HasPrefix(line, "@ ") && len(f) == 5 {
			days, _ := strconv.Atoi(f[4])
			out = append(out, publication{f[0], f[1], f[2], f[3], max(days, 1), nil})
		} else if len(f) == 2 && len(out) > 0 {
			p := &out[len(out)-1]
			p.articles = append(p.articles, [2]string{f[0], f[1]})
		}
	}
	return out
}

// issue writes one number of a periodical: a leading article and two or three
// more, in a layout of tables as such mail has it, with pictures on another
// host and one nobody is meant to see.
func (p publication) issue(g *gardener, date time.Time, number int) *letter {
	perm := g.r.Perm(len(p.articles))
	lead := p.articles[((number%len(p.articles))+len(p.articles))%len(p.articles)]
	picks := [][2]string{lead}
	for _, i := range perm {
		if p.articles[i] != lead && len(picks) < 3+number&1 {
			picks = append(picks, p.articles[i])
		}
	}
	domain := domainOf(p.address)
	from := person{key: p.key, name: p.name, address: p.address, style: "bulk"}
	l := &letter{
		from: from, to: []person{g.me}, date: date, received: true, owner: g.me.address,
		id: g.messageID(from, date, p.key, number), subject: lead[0],
	}
	switch hash(p.key) % 3 {
	case 0:
		l.subject = fmt.Sprintf("%s · No. %d", lead[0], number)
	case 1:
		l.subject = fmt.Sprintf("%s · %s", lead[0], picks[1][0])
	}
	reader := fmt.Sprintf("%08x", hash(g.me.address+p.key))
	l.fields = [][2]string{
		{"List-Id", fmt.Sprintf("%s <%s.%s>", encodeHeader(p.name), p.key, domain)},
		{"List-Unsubscribe", fmt.Sprintf("<https://%s/u/%s>, <mailto:unsubscribe+%s@%s>", domain, reader, reader, domain)},
		{"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"},
		{"Precedence", "bulk"},
		{"Feedback-ID", fmt.Sprintf("%d:%s:newsletter", number, p.key)},
	}
	images := "https://img." + strings.TrimSuffix(domain, ".example") + ".example.net"
	link := func(a [2]string, where string) string {
		return fmt.Sprintf("https://click.%s/r/%s/%08x?utm_source=newsletter&amp;utm_medium=%s", domain, reader, hash(a[0]), where)
	}

	var text strings.Builder
	fmt.Fprintf(&text, "%s\n%s\n\n", strings.ToUpper(p.name), date.Format("2 January 2006"))
	for _, a := range picks {
		fmt.Fprintf(&text, "* %s\n\n%s\n\n  https://%s/read/%08x\n\n", a[0], a[1], domain, hash(a[0]))
	}
	fmt.Fprintf(&text, "--\nYou receive this because you subscribed. Unsubscribe: https://%s/u/%s\n", domain, reader)
	l.text = text.String()

	var rows strings.Builder
	for i, a := range picks {
		title, teaser := html.EscapeString(a[0]), html.EscapeString(a[1])
		picture := fmt.Sprintf("%s/%s/%08x.jpg", images, p.key, hash(a[0]))
		if i == 0 {
			fmt.Fprintf(&rows, `<tr><td style="padding:0"><a href="%s"><img src="%s?w=1200" width="600" height="300" alt="%s" class="fluid" style="display:block;border:0;width:100%%;max-width:600px;height:auto"></a></td></tr>
<tr><td class="pad" style="padding:26px 32px 10px"><h1 style="margin:0 0 10px;font:bold 26px/1.25 Georgia,serif;color:%s">%s</h1><p style="margin:0 0 18px">%s</p>
<table role="presentation" cellpadding="0" cellspacing="0" border="0"><tr><td bgcolor="%s" style="border-radius:3px"><!--[if mso]><i style="letter-spacing:25px">&nbsp;</i><![endif]--><a href="%s" style="display:inline-block;padding:12px 24px;color:#ffffff;text-decoration:none;font-weight:bold">Read on</a></td></tr></table></td></tr>
`, link(a, "lead"), picture, title, p.colour, title, teaser, p.colour, link(a, "button"))
			continue
		}
		fmt.Fprintf(&rows, `<tr><td class="pad" style="padding:18px 32px;border-top:1px solid #e6e3dc"><table role="presentation" width="100%%" cellpadding="0" cellspacing="0" border="0"><tr>
<td class="stack" width="150" valign="top"><img src="%s?w=300" width="150" height="100" alt="" style="display:block;border:0"></td>
<td class="stack" valign="top" style="padding-left:18px"><h2 style="margin:0 0 6px;font:bold 18px/1.3 Georgia,serif"><a href="%s" style="color:%s;text-decoration:none">%s</a></h2><p style="margin:0;color:#55524c">%s</p></td>
</tr></table></td></tr>
`, picture, link(a, "item"), p.colour, title, teaser)
	}
	l.html = fmt.Sprintf(`<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>%[1]s</title>
<style type="text/css">
#outlook a { padding: 0 } body { margin: 0; padding: 0; width: 100%% !important; -webkit-text-size-adjust: 100%% }
img { -ms-interpolation-mode: bicubic } a:hover { text-decoration: underline !important }
.preheader { display: none !important; visibility: hidden; mso-hide: all; font-size: 1px; max-height: 0; overflow: hidden }
@media only screen and (max-width: 620px) { .wrap { width: 100%% !important } .stack { display: block !important; width: 100%% !important; padding: 0 0 10px !important } .pad { padding-left: 18px !important; padding-right: 18px !important } }
@media (prefers-color-scheme: dark) { .outer { background: #171512 !important } .paper { background: #22201c !important; color: #eeeae0 !important } .paper h1, .paper h2 a { color: #f0b9a6 !important } .paper p { color: #d6d0c4 !important } .foot, .foot a { background: #1c1a17 !important; color: #a9a398 !important } }
</style></head>
<body class="outer" style="margin:0;background:#efece4"><div class="preheader">%[2]s &zwnj;&nbsp;&zwnj;&nbsp;&zwnj;&nbsp;</div>
<table role="presentation" class="outer" width="100%%" cellpadding="0" cellspacing="0" border="0" bgcolor="#efece4"><tr><td align="center" style="padding:20px 0">
<table role="presentation" class="wrap paper" width="600" cellpadding="0" cellspacing="0" border="0" bgcolor="#ffffff" style="font:16px/1.55 Helvetica,Arial,sans-serif;color:#2a2824">
<tr><td class="pad" style="padding:20px 32px"><table role="presentation" width="100%%" cellpadding="0" cellspacing="0"><tr><td><img src="%[3]s/%[4]s/logo.png" width="160" height="40" alt="%[1]s" style="display:block;border:0"></td><td align="right" style="font-size:12px;color:#8a867d">%[5]s · <a href="https://%[6]s/view/%[7]s" style="color:#8a867d">view in browser</a></td></tr></table></td></tr>
%[8]s<tr><td class="pad foot" align="center" style="padding:24px 32px;background:#f6f4ee;font-size:12px;line-height:1.6;color:#8a867d">%[1]s<br>You receive this mail at %[9]s because you subscribed.<br><a href="https://%[6]s/u/%[7]s" style="color:#8a867d">Unsubscribe</a> · <a href="https://%[6]s/prefs/%[7]s" style="color:#8a867d">Preferences</a></td></tr>
</table></td></tr></table>
<img src="%[3]s/open/%[7]s/%[10]d.gif" width="1" height="1" alt="" style="display:block;width:1px;height:1px">
</body></html>`,
		html.EscapeString(p.name), html.EscapeString(lead[1]), images, p.key, date.Format("2 January 2006"), domain, reader, rows.String(), html.EscapeString(g.me.address), number)
	return l
}
