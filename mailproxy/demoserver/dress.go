package demoserver

import (
	"fmt"
	"html"
	"strings"
)

// userAgents by style, for the header field of that name.
var userAgents = map[string]string{
	"outlook":  "Microsoft Outlook 16.0",
	"apple":    "Apple Mail (2.3826.200.121)",
	"plain":    "Mutt/2.2.9",
	"flowed":   "Mozilla Thunderbird",
	"latin1":   "KMail/5.22",
	"plain64":  "Mozilla Thunderbird",
	"notice":   "",
	"bulk":     "",
	"campaign": "",
}

// dress gives a letter the looks of the program its author uses: encoding,
// HTML, signature, what is quoted and how.
func (g *gardener) dress(l *letter, sc script, spin *spinner, line scriptLine, previous *letter, list string) {
	style := l.from.style
	if ua := userAgents[style]; ua != "" {
		name := "User-Agent"
		if style == "apple" || style == "outlook" {
			name = "X-Mailer"
		}
		l.fields = append(l.fields, [2]string{name, ua})
	}
	for _, name := range line.options["inline"] {
		a := file(name)
		a.cid = fmt.Sprintf("%08x@%s", hash(name), domainOf(l.from.address))
		l.inline = append(l.inline, a)
	}
	if v := line.options["html"]; len(v) > 0 {
		l.html = corpusFile(v[0] + ".html")
		return
	}
	bare := l.text
	if l.from.signature != "" && list == "" && g.r.IntN(3) > 0 && len(line.flags) == 0 {
		l.text += "\n\n-- \n" + l.from.signature
	}
	quotes := previous != nil && list == "" && !strings.HasPrefix(previous.text, "-")
	switch style {
	case "flowed":
		l.flowed = true
	case "plain64":
		l.encoding = "base64"
	case "latin1":
		l.encoding = "iso-8859-1"
	case "gmail":
		l.html = `<div dir="ltr">` + strings.ReplaceAll(textHTML(l.text), "<p>", `<p style="margin:0 0 1em">`) + "</div>"
		if quotes {
			l.html += fmt.Sprintf("<br><div class=\"gmail_quote\"><div dir=\"ltr\" class=\"gmail_attr\">On %s, %s &lt;<a href=\"mailto:%s\">%s</a>&gt; wrote:<br></div>\n<blockquote class=\"gmail_quote\" style=\"margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);padding-left:1ex\">%s</blockquote></div>",
				previous.date.Format("Mon, 2 Jan 2006 at 15:04"), html.EscapeString(previous.from.display()), previous.from.address, previous.from.address, textHTML(cutSignature(previous.text)))
		}
	case "apple":
		l.html = `<html><head></head><body style="overflow-wrap: break-word; -webkit-nbsp-mode: space; line-break: after-white-space;">` + textHTML(bare)
		if quotes {
			l.html += fmt.Sprintf("<div><blockquote type=\"cite\"><div>On %s, %s wrote:</div><br class=\"Apple-interchange-newline\">%s</blockquote></div>",
				previous.date.Format("2. Jan 2006, at 15:04"), html.EscapeString(previous.from.display()), textHTML(cutSignature(previous.text)))
		}
		l.html += "</body></html>"
	case "outlook":
		l.html = outlookHTML(l, bare, previous, quotes)
	case "notice":
		l.html = noticeHTML(l, spin, sc)
		l.fields = append(l.fields, [2]string{"Auto-Submitted", "auto-generated"})
	case "bot":
		l.fields = append(l.fields,
			[2]string{"List-Id", "drystone/site <site.drystone.forge.example>"},
			[2]string{"List-Unsubscribe", "<https://forge.example/unsubscribe/drystone/site>"},
			[2]string{"X-Forge-Reason", "review_requested"},
			[2]string{"Precedence", "list"}, [2]string{"Auto-Submitted", "auto-generated"})
	}
	for _, a := range l.inline {
		if l.html == "" {
			l.html = "<html><body>" + textHTML(bare) + "</body></html>"
		}
		img := fmt.Sprintf(`<p><img src="cid:%s" alt="%s" width="480"></p>`, a.cid, html.EscapeString(a.name))
		l.html = strings.Replace(l.html, "</body>", img+"</body>", 1)
	}
	if len(sc.options["bulk"]) > 0 && style != "bot" {
		l.fields = append(l.fields,
			[2]string{"List-Unsubscribe", fmt.Sprintf("<https://%s/unsubscribe?u=%08x>", domainOf(l.from.address), hash(l.owner))},
			[2]string{"List-Unsubscribe-Post", "List-Unsubscribe=One-Click"})
	}
	if quotes {
		l.text += "\n\n" + quoteText(previous)
	}
}

func cutSignature(text string) string {
	before, _, _ := strings.Cut(text, "\n-- \n")
	before, _, _ = strings.Cut(before, "\n\nOn ")
	return before
}

func outlookHTML(l *letter, bare string, previous *letter, quotes bool) string {
	var b strings.Builder
	b.WriteString("<html xmlns:o=\"urn:schemas-microsoft-com:office:office\" xmlns=\"http://www.w3.org/TR/REC-html40\"><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\">\n" +
		"<meta name=\"Generator\" content=\"Microsoft Word 15 (filtered medium)\">\n<style><!--\n@font-face {font-family:Calibri;}\np.MsoNormal {margin:0cm; font-size:11.0pt; font-family:\"Calibri\",sans-serif;}\n--></style>\n" +
		"<!--[if gte mso 9]><xml><o:shapedefaults v:ext=\"edit\" spidmax=\"1026\" /></xml><![endif]--></head>\n<body lang=\"EN-GB\" link=\"#0563C1\" style=\"word-wrap:break-word\"><div class=\"WordSection1\">\n")
	for para := range strings.SplitSeq(bare, "\n\n") {
		b.WriteString("<p class=\"MsoNormal\">" + strings.ReplaceAll(html.EscapeString(para), "\n", "<br>\n") + "<o:p></o:p></p>\n<p class=\"MsoNormal\"><o:p>&nbsp;</o:p></p>\n")
	}
	if l.from.signature != "" {
		b.WriteString("<p class=\"MsoNormal\"><span style=\"font-size:9.0pt;color:#5B6770\">" + strings.ReplaceAll(html.EscapeString(l.from.signature), "\n", "<br>") + "</span><o:p></o:p></p>\n")
	}
	if quotes {
		fmt.Fprintf(&b, "<div style=\"border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm 0cm\"><p class=\"MsoNormal\"><b>From:</b> %s<br><b>Sent:</b> %s<br><b>Subject:</b> %s<o:p></o:p></p></div>\n%s",
			html.EscapeString(previous.from.display()), previous.date.Format("Monday, 2 January 2006 15:04"), html.EscapeString(previous.subject),
			strings.ReplaceAll(textHTML(cutSignature(previous.text)), "<p>", "<p class=\"MsoNormal\">"))
	}
	b.WriteString("</div></body></html>")
	return b.String()
}

// noticeHTML is the letterhead of a company: a coloured bar, the text, perhaps
// a button, a footer.
func noticeHTML(l *letter, spin *spinner, sc script) string {
	colour := fmt.Sprintf("hsl(%d, 45%%, 32%%)", hash(l.from.address)%360)
	var button string
	for _, v := range sc.options["button"] {
		label, url, _ := strings.Cut(spin.text(v), " | ")
		button = fmt.Sprintf("<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\"><tr><td style=\"background:%s;border-radius:4px\"><a href=\"%s?c=%08x\" style=\"display:inline-block;padding:11px 22px;color:#ffffff;text-decoration:none;font-weight:bold\">%s</a></td></tr></table>",
			colour, html.EscapeString(url), hash(l.id), html.EscapeString(label))
	}
	domain := domainOf(l.from.address)
	return fmt.Sprintf(`<!DOCTYPE html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<style>body{margin:0;background:#f4f4f2}@media (max-width:600px){.card{width:100%% !important}}</style></head>
<body><table role="presentation" width="100%%" cellpadding="0" cellspacing="0" bgcolor="#f4f4f2"><tr><td align="center" style="padding:24px 8px">
<table role="presentation" class="card" width="560" cellpadding="0" cellspacing="0" bgcolor="#ffffff" style="font:15px/1.5 Arial,Helvetica,sans-serif;color:#222222">
<tr><td style="background:%s;color:#ffffff;padding:16px 24px;font-size:18px;font-weight:bold">%s</td></tr>
<tr><td style="padding:20px 24px">%s%s</td></tr>
<tr><td style="padding:14px 24px;border-top:1px solid #e2e2de;font-size:12px;color:#6b6b66">%s · <a href="https://%s/impressum" style="color:#6b6b66">Impressum</a> · <a href="https://%s/privacy" style="color:#6b6b66">Privacy</a></td></tr>
</table></td></tr></table></body></html>`,
		colour, html.EscapeString(l.from.display()), textHTML(l.text), button, html.EscapeString(l.from.display()), domain, domain)
}

func spamHTML(l *letter) string {
	return fmt.Sprintf("<html><body bgcolor=yellow><center><font color=red size=6><b>%s</b></font><br>%s<a href=\"http://%s/?id=%08x\"><img src=\"http://%s/b.gif\" border=0 alt=\"CLICK HERE\"></a></center><img src=\"http://%s/o.gif?%08x\" width=1 height=1></body></html>",
		html.EscapeString(l.subject), textHTML(l.text), domainOf(l.from.address), hash(l.id), domainOf(l.from.address), domainOf(l.from.address), hash(l.id))
}
