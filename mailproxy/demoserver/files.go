package demoserver

import (
	"archive/zip"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"strings"
	"sync"
)

// fileTypes maps the extensions of seeded attachments to their media types.
var fileTypes = map[string]string{
	"pdf": "application/pdf", "png": "image/png", "jpg": "image/jpeg", "gif": "image/gif", "svg": "image/svg+xml",
	"docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	"xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	"odt":  "application/vnd.oasis.opendocument.text",
	"zip":  "application/zip", "csv": "text/csv; charset=utf-8", "txt": "text/plain; charset=utf-8", "md": "text/markdown; charset=utf-8",
	"ics": "text/calendar; charset=utf-8", "vcf": "text/vcard; charset=utf-8", "eml": "message/rfc822", "patch": "text/x-patch; charset=utf-8",
	"mp3": "audio/mpeg", "mp4": "video/mp4", "json": "application/json", "log": "text/plain; charset=utf-8", "html": "text/html; charset=utf-8",
}

// made holds every file that was made, by name and kind: a thousand letters
// share one photograph.
var made sync.Map // string → func() []byte

const pictures = 8 // different photographs, since painting one takes a while

var smallPictures [pictures]func() []byte

func init() {
	for i := range smallPictures {
		smallPictures[i] = sync.OnceValue(func() []byte { return encodeJPEG(landscape(360, 240, uint64(i))) })
	}
}

// file is an attachment made from nothing but its name: the same name gives
// the same bytes.
func file(name string) attachment {
	ext := name[strings.LastIndexByte(name, '.')+1:]
	typ, ok := fileTypes[ext]
	if !ok {
		typ = "application/octet-stream"
	}
	key := name
	if ext == "jpg" {
		key = fmt.Sprintf("%d.jpg", hash(name)%pictures)
	}
	data, _ := made.LoadOrStore(key, sync.OnceValue(func() []byte {
		raw := makeFile(key, ext)
		if ext == "eml" {
			return raw
		}
		return base64Lines(raw)
	}))
	return attachment{name: name, typ: typ, data: data.(func() []byte), style: nameStyle(hash(name) % 4)}
}

func makeFile(name, ext string) []byte {
	seed := uint64(hash(name))
	title := strings.TrimSuffix(name, "."+ext)
	switch ext {
	case "jpg":
		return encodeJPEG(landscape(960, 640, seed))
	case "png":
		var b bytes.Buffer
		png.Encode(&b, chart(480, 300, seed))
		return b.Bytes()
	case "gif":
		var b bytes.Buffer
		gif.Encode(&b, chart(160, 100, seed), &gif.Options{NumColors: 16})
		return b.Bytes()
	case "svg":
		return fmt.Appendf(nil, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 60"><rect width="120" height="60" fill="#eef"/><path d="M0 50 L30 %d L60 %d L90 %d L120 20" fill="none" stroke="#357" stroke-width="3"/></svg>`,
			10+seed%30, 10+seed/7%30, 10+seed/31%30)
	case "pdf":
		return pdf(title, seed)
	case "docx":
		return zipped(nil,
			"[Content_Types].xml", `<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>`,
			"_rels/.rels", `<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>`,
			"word/document.xml", `<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body><w:p><w:r><w:t>`+xmlText(title)+`</w:t></w:r></w:p><w:p><w:r><w:t>`+xmlText(filler(seed, 60))+`</w:t></w:r></w:p></w:body></w:document>`)
	case "xlsx":
		var rows strings.Builder
		r := rand.New(rand.NewPCG(seed, 1))
		for i := 1; i <= 40; i++ {
			fmt.Fprintf(&rows, `<row r="%d"><c r="A%d" t="inlineStr"><is><t>%s</t></is></c><c r="B%d"><v>%d</v></c><c r="C%d"><v>%d</v></c></row>`,
				i, i, xmlText(filler(seed+uint64(i), 2)), i, r.IntN(900), i, r.IntN(900))
		}
		return zipped(nil,
			"[Content_Types].xml", `<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`,
			"_rels/.rels", `<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
			"xl/workbook.xml", `<?xml version="1.0" encoding="UTF-8"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>`,
			"xl/_rels/workbook.xml.rels", `<?xml version="1.0" encoding="UTF-8"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
			"xl/worksheets/sheet1.xml", `<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`+rows.String()+`</sheetData></worksheet>`)
	case "odt":
		return zipped([]byte("application/vnd.oasis.opendocument.text"),
			"META-INF/manifest.xml", `<?xml version="1.0" encoding="UTF-8"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.2"><manifest:file-entry manifest:full-path="/" manifest:media-type="application/vnd.oasis.opendocument.text"/><manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/></manifest:manifest>`,
			"content.xml", `<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.2"><office:body><office:text><text:p>`+xmlText(title)+`</text:p><text:p>`+xmlText(filler(seed, 60))+`</text:p></office:text></office:body></office:document-content>`)
	case "zip":
		return zipped(nil, "readme.txt", title+"\n\n"+filler(seed, 40)+"\n", "data/values.csv", csvFile(seed))
	case "csv":
		return []byte(csvFile(seed))
	case "json":
		return fmt.Appendf(nil, "{\n  \"title\": %q,\n  \"count\": %d,\n  \"ok\": true\n}\n", title, seed%1000)
	case "ics":
		return []byte(invitation("demo-"+fmt.Sprint(seed)+"@postern.test", title, "", "20251021T120000Z", "20251021T130000Z", "PUBLISH", person{}, nil))
	case "vcf":
		return fmt.Appendf(nil, "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:%s\r\nN:%s;;;;\r\nEMAIL;TYPE=WORK:contact@example.org\r\nTEL;TYPE=WORK:+49 761 555 01 %02d\r\nEND:VCARD\r\n", title, title, seed%100)
	case "eml":
		return []byte(crlf("From: \"Harbour office\" <office@waalhaven.example>\nTo: ama.serwaa@northquay.example\nSubject: " + encodeHeader(title) +
			"\nDate: Mon, 13 Oct 2025 09:12:00 +0200\nMessage-ID: <" + fmt.Sprintf("%08x", seed) + "@waalhaven.example>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\n" +
			"Dear Ms Serwaa-Boateng,\n\n" + filler(seed, 50) + "\n\nThe harbour office\n"))
	case "patch":
		return []byte(patchText)
	case "mp3":
		return bytes.Repeat(append([]byte{0xff, 0xfb, 0x90, 0x64}, make([]byte, 413)...), 60) // silent frames, 128 kbit/s
	case "mp4":
		return mp4()
	case "html":
		return []byte("<!doctype html><title>" + xmlText(title) + "</title><h1>" + xmlText(title) + "</h1><p>" + filler(seed, 40) + "</p>\n")
	}
	return []byte(title + "\n\n" + filler(seed, 120) + "\n")
}

func xmlText(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;").Replace(s)
}

var fillerWords = strings.Fields(`the depot and its northern wall were measured in spring before the rain came while
the crew kept a careful list of stones pallets keys and hours each entry was signed twice figures in brackets are
estimates and will be replaced when the broker has answered nothing here is final until the board has met again`)

// filler is n words that read like the middle of a report.
func filler(seed uint64, n int) string {
	start := int(seed % uint64(len(fillerWords)))
	var w []string
	for i := range n {
		w = append(w, fillerWords[(start+i)%len(fillerWords)])
	}
	s := strings.Join(w, " ")
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

func csvFile(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 2))
	var b strings.Builder
	b.WriteString("date,place,count,amount\n")
	for i := range 30 {
		fmt.Fprintf(&b, "2025-09-%02d,%s,%d,%d.%02d\n", i+1, [...]string{"Waalhaven", "Łódź", "Freiburg", "Reykjavík"}[r.IntN(4)], r.IntN(500), r.IntN(900), r.IntN(100))
	}
	return b.String()
}

// zipped makes a ZIP archive of names and contents in turn. mimetype, where
// given, is stored first and uncompressed as OpenDocument wants it.
func zipped(mimetype []byte, pairs ...string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if mimetype != nil {
		w, _ := z.CreateHeader(&zip.FileHeader{Name: "mimetype", Method: zip.Store})
		w.Write(mimetype)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		w, _ := z.Create(pairs[i])
		w.Write([]byte(pairs[i+1]))
	}
	z.Close()
	return b.Bytes()
}

// pdf makes a document of one page with a heading, some lines and a picture.
func pdf(title string, seed uint64) []byte {
	ascii := strings.Map(func(r rune) rune {
		switch {
		case r == '(' || r == ')' || r == '\\':
			return ' '
		case r < 127:
			return r
		}
		return '?'
	}, title)
	var text strings.Builder
	fmt.Fprintf(&text, "BT /F1 20 Tf 60 770 Td (%s) Tj ET\nBT /F1 11 Tf 60 735 Td 15 TL\n", ascii)
	for i := range 14 {
		fmt.Fprintf(&text, "(%s) Tj T*\n", filler(seed+uint64(i)*11, 12))
	}
	text.WriteString("ET\nq 360 0 0 240 60 250 cm /Im1 Do Q\n")
	picture := smallPictures[seed%pictures]()
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> /XObject << /Im1 6 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%sendstream", text.Len(), text.String()),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
		fmt.Sprintf("<< /Type /XObject /Subtype /Image /Width 360 /Height 240 /ColorSpace /DeviceRGB /BitsPerComponent 8 /Filter /DCTDecode /Length %d >>\nstream\n%s\nendstream", len(picture), picture),
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	var places []int
	for i, o := range objects {
		places = append(places, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	xref := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, p := range places {
		fmt.Fprintf(&b, "%010d 00000 n \n", p)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, xref)
	return b.Bytes()
}

// mp4 is a film without tracks: the boxes ftyp, moov with mvhd, and mdat.
func mp4() []byte {
	box := func(name string, body []byte) []byte {
		n := len(body) + 8
		return append([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n), name[0], name[1], name[2], name[3]}, body...)
	}
	mvhd := make([]byte, 100)
	mvhd[14], mvhd[15] = 3, 0xe8 // time scale 1000
	mvhd[21] = 1                 // rate 1.0
	mvhd[24] = 1                 // volume 1.0
	mvhd[36+1], mvhd[52+1], mvhd[68] = 1, 1, 0x40
	mvhd[99] = 1 // next track
	out := box("ftyp", []byte("isom\x00\x00\x02\x00isomiso2mp41"))
	out = append(out, box("moov", box("mvhd", mvhd))...)
	return append(out, box("mdat", make([]byte, 4096))...)
}

func encodeJPEG(img image.Image) []byte {
	var b bytes.Buffer
	jpeg.Encode(&b, img, &jpeg.Options{Quality: 82})
	return b.Bytes()
}

// landscape paints a sky and three ranges of hills.
func landscape(w, h int, seed uint64) image.Image {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	r := rand.New(rand.NewPCG(seed, 3))
	hue := r.Float64()
	type ridge struct{ base, a, b, pa, pb float64 }
	var ridges [3]ridge
	for i := range ridges {
		ridges[i] = ridge{0.45 + 0.18*float64(i), 0.04 + 0.05*r.Float64(), 0.02 + 0.02*r.Float64(), 6 * r.Float64(), 6 * r.Float64()}
	}
	for x := range w {
		fx := float64(x) / float64(w)
		var tops [3]int
		for i, rd := range ridges {
			tops[i] = int(float64(h) * (rd.base + rd.a*math.Sin(fx*5+rd.pa) + rd.b*math.Sin(fx*17+rd.pb)))
		}
		for y := range h {
			fy := float64(y) / float64(h)
			red, green, blue := 120+110*fy+25*hue, 160+60*fy, 225-45*fy*hue
			for i, top := range tops {
				if y >= top {
					shade := float64(3-i) / 3
					red, green, blue = 30+90*shade*(0.6+hue*0.4), 60+80*shade, 45+95*shade*(1-hue*0.5)
				}
			}
			grain := float64((x*7919+y*104729)%13) - 6
			i := img.PixOffset(x, y)
			img.Pix[i], img.Pix[i+1], img.Pix[i+2], img.Pix[i+3] = clamp(red+grain), clamp(green+grain), clamp(blue+grain), 255
		}
	}
	return img
}

func clamp(v float64) uint8 { return uint8(min(max(v, 0), 255)) }

// chart paints a bar chart.
func chart(w, h int, seed uint64) image.Image {
	palette := color.Palette{
		color.RGBA{255, 255, 255, 255}, color.RGBA{46, 94, 140, 255}, color.RGBA{224, 142, 60, 255}, color.RGBA{90, 150, 100, 255}, color.RGBA{210, 214, 220, 255},
	}
	img := image.NewPaletted(image.Rect(0, 0, w, h), palette)
	r := rand.New(rand.NewPCG(seed, 4))
	for y := h / 6; y < h; y += h / 6 {
		for x := range w {
			img.SetColorIndex(x, y, 4)
		}
	}
	bars := 12
	for i := range bars {
		top := h/8 + r.IntN(h*3/4)
		for x := i*w/bars + 3; x < (i+1)*w/bars-3; x++ {
			for y := top; y < h-2; y++ {
				img.SetColorIndex(x, y, uint8(1+i%3))
			}
		}
	}
	return img
}
