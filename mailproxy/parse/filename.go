package parse

import (
	"path"
	"strconv"
	"strings"
	"unicode/utf8"

	"postern/mailproxy/mail"
)

const (
	maxPieces  = 200  // RFC 2231 continuations of one parameter
	maxNameRaw = 4096 // octets of a file name before it is decoded
	maxName    = 200  // characters of a file name
	maxNameLen = 240  // octets of a file name, so that any file system takes it
)

// param reads one parameter from the map of a body structure: RFC 2231 with
// charset and pieces, RFC 2047 although forbidden, percent signs and raw octets.
func param(params map[string]string, attr string) string {
	if len(params) == 0 {
		return ""
	}
	if v, ok := params[attr+"*"]; ok {
		if s := extValue(clipBytes(v), ""); s != "" {
			return s
		}
	}
	if _, ok := params[attr+"*0"]; ok {
		return pieces(params, attr)
	}
	if _, ok := params[attr+"*0*"]; ok {
		return pieces(params, attr)
	}
	v := clipBytes(params[attr])
	if v == "" {
		if _, ok := params[attr+"*1"]; ok {
			return pieces(params, attr)
		}
		if _, ok := params[attr+"*1*"]; ok {
			return pieces(params, attr)
		}
		return ""
	}
	v, _ = ToUTF8([]byte(v), "", false)
	// QUIRK: RFC 2047 section 5 forbids encoded words in parameters, yet Gmail and
	// Thunderbird send them in file names.
	if strings.Contains(v, "=?") {
		v = DecodeWords(v)
	} else if i := strings.Index(v, "''"); i > 0 && KnownCharset(v[:i]) {
		// QUIRK: an RFC 2231 value whose asterisk was forgotten.
		v = extValue(v, "")
	} else if strings.Contains(v, "%") {
		// QUIRK: percent signs without RFC 2231, from web forms. Only where they hide letters.
		if d, ok := unpercent(v); ok && utf8.ValidString(d) && hasHigh([]byte(d)) {
			v = d
		}
	}
	return v
}

func clipBytes(s string) string { return s[:min(len(s), maxNameRaw)] }

// pieces joins attr*0, attr*1*, … The charset stands in the first.
func pieces(params map[string]string, attr string) string {
	var octets []byte
	var escaped string // percent-encoded pieces in a row
	charset := ""
	first := 0
	if _, ok := params[attr+"*0"]; !ok {
		if _, ok := params[attr+"*0*"]; !ok {
			first = 1
		}
	}
	for n := first; n < maxPieces && len(octets)+len(escaped) < maxNameRaw; n++ {
		key := attr + "*" + strconv.Itoa(n)
		if v, ok := params[key+"*"]; ok {
			if n == first {
				charset, v = extCharset(v)
			}
			escaped += v
		} else if v, ok := params[key]; ok {
			d, _ := unpercent(escaped)
			octets, escaped = append(octets, d...), ""
			if n == first && strings.Contains(v, "''") { // asterisk forgotten
				if cs, rest := extCharset(v); KnownCharset(cs) {
					charset = cs
					v, _ = unpercent(rest)
				}
			}
			octets = append(octets, v...)
		} else {
			break
		}
	}
	d, _ := unpercent(escaped)
	s, _ := ToUTF8(append(octets, d...), charset, false)
	if strings.Contains(s, "=?") {
		s = DecodeWords(s)
	}
	return s
}

// extValue reads charset'language'text (RFC 2231 section 4).
func extValue(v, charset string) string {
	cs, rest := extCharset(v)
	if cs != "" {
		charset = cs
	}
	d, _ := unpercent(rest)
	s, _ := ToUTF8([]byte(d), charset, false)
	return s
}

func extCharset(v string) (charset, rest string) {
	i := strings.IndexByte(v, '\'')
	if i < 0 || i > 40 {
		return "", v
	}
	j := strings.IndexByte(v[i+1:], '\'')
	if j < 0 || j > 40 {
		return "", v
	}
	return v[:i], v[i+1+j+1:]
}

// unpercent decodes %XX; ok is false when some did not decode, which stay.
func unpercent(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 {
		return s, true
	}
	out := make([]byte, 0, len(s))
	ok := true
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if i+2 < len(s) && unhex(s[i+1]) < 16 && unhex(s[i+2]) < 16 {
				out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
				i += 2
				continue
			}
			ok = false
		}
		out = append(out, s[i])
	}
	return string(out), ok
}

// SafeName makes a file name fit to show and to save: the last step of a path
// only, no control characters and none that turn the direction, nothing that
// Windows refuses, at most 200 characters with the ending kept. A name that is
// empty then is made up from the media type.
func SafeName(name, mediaType string) string {
	s := cleanLine(strings.ToValidUTF8(name, "\uFFFD"))
	if i := strings.LastIndexAny(s, `/\`); i >= 0 {
		if i == len(s)-1 {
			i = strings.LastIndexAny(s[:i], `/\`)
		}
		s = strings.TrimRight(s[i+1:], `/\`)
	}
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`<>:"|?*`, r) {
			return '_'
		}
		return r
	}, s)
	s = strings.Trim(s, " .")
	if strings.Trim(s, "_ ") == "" {
		return madeUpName(mediaType)
	}
	ext := path.Ext(s)
	if len(ext) > 16 {
		ext = ""
	}
	stem := strings.TrimSuffix(s, ext)
	if utf8.RuneCountInString(s) > maxName || len(s) > maxNameLen {
		n, room := 0, maxNameLen-len(ext)
		left := maxName - utf8.RuneCountInString(ext)
		for i, r := range stem {
			if left--; left < 0 || i+utf8.RuneLen(r) > room {
				break
			}
			n = i + utf8.RuneLen(r)
		}
		stem = strings.TrimRight(stem[:n], " .")
	}
	base, _, _ := strings.Cut(stem+ext, ".")
	if reserved(strings.TrimRight(base, " ")) {
		stem = "_" + stem
	}
	return stem + ext
}

// reserved are the device names of Windows.
func reserved(s string) bool {
	s = strings.ToUpper(s)
	switch s {
	case "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$":
		return true
	}
	return len(s) == 4 && (s[:3] == "COM" || s[:3] == "LPT") && s[3] >= '0' && s[3] <= '9'
}

var endings = map[string]string{
	"text/plain": ".txt", "text/html": ".html", "text/csv": ".csv", "text/calendar": ".ics", "text/vcard": ".vcf", "text/x-vcard": ".vcf", "text/rtf": ".rtf",
	"text/xml": ".xml", "application/xml": ".xml", "application/json": ".json", "text/markdown": ".md", "text/x-patch": ".patch", "text/x-diff": ".diff", "text/enriched": ".txt",
	"image/jpeg": ".jpg", "image/jpg": ".jpg", "image/png": ".png", "image/gif": ".gif", "image/webp": ".webp", "image/avif": ".avif", "image/bmp": ".bmp", "image/tiff": ".tiff", "image/svg+xml": ".svg", "image/heic": ".heic",
	"application/pdf": ".pdf", "application/zip": ".zip", "application/gzip": ".gz", "application/msword": ".doc", "application/vnd.ms-excel": ".xls", "application/vnd.ms-powerpoint": ".ppt",
	"application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
	"application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx", "application/rtf": ".rtf",
	"audio/mpeg": ".mp3", "audio/wav": ".wav", "audio/ogg": ".ogg", "video/mp4": ".mp4", "video/quicktime": ".mov", "message/rfc822": ".eml", "message/global": ".eml", "message/delivery-status": ".txt", "message/disposition-notification": ".txt", "text/rfc822-headers": ".txt",
	"application/pgp-signature": ".asc", "application/pgp-keys": ".asc", "application/pkcs7-signature": ".p7s", "application/x-pkcs7-signature": ".p7s", "application/pkcs7-mime": ".p7m", "application/ms-tnef": ".dat",
}

func madeUpName(t string) string {
	stem := "attachment"
	switch {
	case strings.HasPrefix(t, "image/"):
		stem = "image"
	case strings.HasPrefix(t, "audio/"):
		stem = "audio"
	case strings.HasPrefix(t, "video/"):
		stem = "video"
	case strings.HasPrefix(t, "message/"):
		stem = "message"
	case strings.HasSuffix(t, "-signature"):
		stem = "signature"
	case t == "text/calendar":
		stem = "invitation"
	case strings.HasPrefix(t, "text/"):
		stem = "text"
	}
	if e, ok := endings[t]; ok {
		return stem + e
	}
	return stem + ".bin"
}

var riskyEndings = func() map[string]bool {
	m := map[string]bool{}
	for e := range strings.FieldsSeq(`ade adp apk app appinstaller application appref-ms appx appxbundle bas bat bin-installer cab chm cmd com command cpl
		csh deb desktop diagcab dll dmg docm dotm elf exe gadget hta htm html img inf ins iso isp jar jnlp js jse ksh lib lnk mde mht mhtml msc msi msix msixbundle
		msp mst nsh one onepkg osx pif pkg potm ppam ppsm pptm ps1 ps1xml ps2 psc1 psc2 psd1 psm1 py pyc pyw pyz reg rpm run scf scr sct search-ms settingcontent-ms
		sh shb shs shtml sldm slk svg svgz swf sys terminal theme tmp udl url vb vbe vbp vbs vhd vhdx vxd wasm website workflow ws wsc wsf wsh xbap xhtml xht xlam xll xlsb xlsm
		xltm xnk xml xsl xslt`) {
		m[e] = true
	}
	return m
}()

// risky reports whether opening a file of this name or type can run code.
func risky(name, mediaType string) bool {
	ext := strings.ToLower(strings.TrimPrefix(path.Ext(name), "."))
	if riskyEndings[ext] {
		return true
	}
	switch mediaType {
	case "application/x-msdownload", "application/x-msdos-program", "application/x-executable", "application/hta", "application/javascript", "text/javascript",
		"application/x-sh", "application/java-archive", "image/svg+xml", "text/html", "application/xhtml+xml", "application/x-shockwave-flash", "application/wasm":
		return true
	}
	return false
}

// previewOf is how a file may be shown in the page. The bytes are checked again
// where they are served.
func previewOf(name, mediaType string) mail.Preview {
	ext := strings.ToLower(path.Ext(name))
	t := mediaType
	if t == "application/octet-stream" || t == "" {
		for mt, e := range endings {
			if e == ext && (strings.HasPrefix(mt, "image/") || mt == "application/pdf" || mt == "text/plain") {
				t = mt
			}
		}
	}
	switch t {
	case "image/png", "image/jpeg", "image/jpg", "image/pjpeg", "image/x-png", "image/gif", "image/webp", "image/avif", "image/bmp", "image/x-ms-bmp":
		return mail.PreviewImage
	case "application/pdf", "application/x-pdf":
		return mail.PreviewPDF
	case "text/plain", "text/csv", "text/markdown", "text/x-patch", "text/x-diff", "text/x-log", "application/json":
		return mail.PreviewText
	}
	return mail.PreviewNone
}
