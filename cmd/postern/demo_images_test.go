package main

import (
	"bytes"
	"context"
	"image/png"
	"testing"

	"postern/mailproxy/mail"
)

// outside remembers what was passed on to it.
type outside struct{ asked []string }

func (o *outside) Image(_ context.Context, _, address string) (mail.Image, error) {
	o.asked = append(o.asked, address)
	return mail.Image{}, mail.Errorf(mail.NotFound, "none")
}

func TestDemoImages(t *testing.T) {
	var next outside
	d := demoImages{&next}
	for address, width := range map[string]int{
		"https://img.contours.example.net/contours/logo.png":         320,
		"https://img.contours.example.net/contours/0001.jpg?w=300":   300,
		"https://img.contours.example.net/contours/0001.jpg?w=1200":  640,
		"https://pictures.example/x":                                 640,
		"https://example.net.evil.test/x":                            0,
		"https://www.postern.test/":                                  0,
		"http://169.254.169.254/?u=https://img.contours.example.net": 0,
	} {
		next.asked = nil
		img, err := d.Image(t.Context(), "a", address)
		if width == 0 {
			if len(next.asked) != 1 || next.asked[0] != address || err == nil {
				t.Errorf("%s was not passed on: %v", address, err)
			}
			continue
		}
		m, derr := png.Decode(bytes.NewReader(img.Body))
		if err != nil || derr != nil || img.Type != "image/png" || m.Bounds().Dx() != width || len(next.asked) != 0 {
			t.Errorf("%s: %v, %v, %s", address, err, derr, img.Type)
		}
	}
	if _, err := d.Image(t.Context(), "a", "http://%zz/"); mail.KindOf(err) != mail.Invalid {
		t.Error(err)
	}
}
