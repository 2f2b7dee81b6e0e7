package parse

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"postern/mailproxy/mail"
)

// TestCorpusFiles holds the names and places of attachments in real mail.
func TestCorpusFiles(t *testing.T) {
	dir := corpus(t)
	tests := []struct{ file, subject, files, inline, nested string }{
		{"php-mime-mail-parser/m0001.eml", "Mail avec fichier attaché de 1ko", "attach01", "", ""},
		{"php-mime-mail-parser/m0008.eml", "Testing MIME E-mail composing with cid", "attachment.txt", "logo.jpg background.jpg", ""},
		{"php-mime-mail-parser/m0013.eml", "50032266 CAR 11_MNPA00A01_9PTX_H00 ATT N° 1467829. pdf", "50032266 CAR 11_MNPA00A01_9PTX_H00 ATT N° 1467829.pdf", "", ""},
		{"php-mime-mail-parser/m0014.eml", "Test message from Netscape Communicator 4.7", "HasenundFrösche.txt", "", ""},
		{"php-mime-mail-parser/m0018.eml", "[Korea] Name", "사진.JPG ATT00001.txt", "", ""},
		{"php-mime-mail-parser/m0024.eml", "Persil, abeilles ...", "Biodiversité de semaine en semaine.doc", "", ""},
		{"php-mime-mail-parser/m0027.eml", "1234 / 1234", "1234.txt", "", ""},
		{"php-mime-mail-parser/m0129.eml", "Image", "", "image.png", ""},
		{"php-mime-mail-parser/issue158a.eml", "Fwd: Test 5", "", "", "Test 5"},
		{"php-mime-mail-parser/issue250.eml", "1234 / 1234", "Kontoutskrift for 1506.14.90466 Bedriftskonto.pdf", "", ""},
		{"php-mime-mail-parser/issue274.eml", "test-localhost", "Hello from SwiftMailer.docx Hello from SwiftMailer.pdf Hello from SwiftMailer.odt Cours-Tutoriels-Serge-Tahé-1568x268.png", "", "test-localhost"},
	}
	for _, tt := range tests {
		raw, err := os.ReadFile(filepath.Join(dir, "mail", tt.file))
		if err != nil {
			t.Fatal(err)
		}
		m, _, _, _ := open(raw)
		names := func(list []mail.File) string {
			var out []string
			for _, f := range list {
				out = append(out, f.Name)
			}
			return strings.Join(out, " ")
		}
		var nested []string
		for _, n := range m.Nested {
			nested = append(nested, n.Subject)
		}
		if m.Subject != tt.subject || names(m.Files) != tt.files || names(m.Inline) != tt.inline || strings.Join(nested, " ") != tt.nested {
			t.Errorf("%s:\n got %q %q %q %q\nwant %q %q %q %q", tt.file, m.Subject, names(m.Files), names(m.Inline), nested, tt.subject, tt.files, tt.inline, tt.nested)
		}
	}
}

// otherwise are the mails of stalwart-mail-parser that we read differently on purpose.
var otherwise = map[string]string{
	"malformed/005.eml":  "boundaries that end in hyphens: the first line ends the multipart",
	"malformed/019.eml":  "octets torn apart in the middle of words",
	"malformed/020.eml":  "two Content-Type fields in one header: the first counts",
	"malformed/021.eml":  "two Content-Type fields in one header: the first counts",
	"thirdparty/000.eml": "two plain forms of one text: the last one is shown",
	"thirdparty/001.eml": "three plain forms of one text: the last one is shown",
	"thirdparty/002.eml": "rubbish as base64: shown as other letters",
}

var (
	spaces    = regexp.MustCompile(`\s+`)
	tags      = regexp.MustCompile(`<[^>]*>`)
	quoteMark = regexp.MustCompile(`(?m)^[> ]+`)
)

// TestCorpusText: where the authors of stalwart-mail-parser expect text, we show it.
func TestCorpusText(t *testing.T) {
	dir := filepath.Join(corpus(t), "mail/stalwart-mail-parser")
	squeeze := func(s string) string { return spaces.ReplaceAllString(s, "") }
	good := 0
	files := emls(t, dir)
	for _, f := range files {
		rel, _ := filepath.Rel(dir, f)
		rel = filepath.ToSlash(rel)
		raw, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(strings.TrimSuffix(f, ".eml") + ".expected.json")
		if err != nil {
			t.Fatal(err)
		}
		var want struct {
			HTML  []int `json:"html_body"`
			Text  []int `json:"text_body"`
			Parts []struct {
				Body map[string]json.RawMessage `json:"body"`
			}
		}
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatal(err)
		}
		m, _, _, src := open(raw)
		shown := squeeze(quoteMark.ReplaceAllString(plain(m), "")) + squeeze(tags.ReplaceAllString(src, "")) + squeeze(src)
		ok := true
		for _, i := range append(want.Text, want.HTML...) {
			var text string
			part := want.Parts[i].Body
			if json.Unmarshal(part["Text"], &text) != nil && json.Unmarshal(part["Html"], &text) != nil {
				continue
			}
			text = quoteMark.ReplaceAllString(text, "")
			if part["Html"] != nil {
				text = tags.ReplaceAllString(text, "")
			}
			if text = squeeze(text); !strings.Contains(shown, text[:min(len(text), 60)]) {
				ok = false
				if otherwise[rel] == "" {
					t.Errorf("%s: %q is not shown", rel, text[:min(len(text), 60)])
				}
			}
		}
		if ok {
			good++
		}
	}
	t.Logf("%d of %d as expected", good, len(files))
}

// TestCorpusReports: a bounce says who and why.
func TestCorpusReports(t *testing.T) {
	dir := corpus(t)
	tests := []struct{ file, addr, action, status string }{
		{"flanker/bounce/mailbox-full.eml", "user@aol.com", "failed", "5.2.2"},
		{"flanker/bounce/office365.eml", "noname@example.com", "failed", "5.1.10"},
		{"flanker/bounce/no-mx.eml", "user@example.com", "delayed", "4.4.4"},
		{"flanker/disposition-notification.eml", "Joe_Recipient@example.com", "displayed", ""},
		{"enmime/dsn/simple_dsn.eml", "louisl@larry.slip.umd.edu", "failed", "4.0.0"},
		{"mimekit/messages/delivery-status-no-blank-line.eml", "newsletter-request@imusic.com", "failed", ""},
		{"nodemailer-mailparser/delivery-status.eml", "xxxx@xxxx.com", "failed", "5.1.1"},
	}
	for _, tt := range tests {
		raw, err := os.ReadFile(filepath.Join(dir, "mail", tt.file))
		if err != nil {
			t.Fatal(err)
		}
		m, _, _, _ := open(raw)
		if m.Report == nil {
			t.Errorf("%s: no report", tt.file)
			continue
		}
		if r := m.Report.Recipients[0]; r.Address != tt.addr || r.Action != tt.action || r.Status != tt.status {
			t.Errorf("%s: %+v", tt.file, r)
		}
	}
}
