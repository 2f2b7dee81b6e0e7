package compose

import "testing"

func TestSubjects(t *testing.T) {
	t.Parallel()
	tests := []struct{ in, reply, forward string }{
		{"Hello", "Re: Hello", "Fwd: Hello"},
		{"Re: Hello", "Re: Hello", "Fwd: Re: Hello"},
		{"RE: re:  Re : Hello", "Re: Hello", "Fwd: RE: re:  Re : Hello"},
		{"AW: Antw: SV: Hej", "Re: Hej", "Fwd: AW: Antw: SV: Hej"},
		{"Re[2]: AW(3): Re^4: x", "Re: x", "Fwd: Re[2]: AW(3): Re^4: x"},
		{"回复：你好", "Re: 你好", "Fwd: 回复：你好"},
		{"Ответ: да", "Re: да", "Fwd: Ответ: да"},
		{"Fwd: FW: WG: TR: x", "Re: Fwd: FW: WG: TR: x", "Fwd: x"},
		{"[dev] Re: patch", "Re: [dev] patch", "Fwd: [dev] Re: patch"},
		{"[dev] patch", "Re: [dev] patch", "Fwd: [dev] patch"},
		{"", "Re:", "Fwd:"},
		{"Re:", "Re:", "Fwd: Re:"},
		{"Rent: paid", "Re: Rent: paid", "Fwd: Rent: paid"},
		{"Ref: 1234", "Re: Ref: 1234", "Fwd: Ref: 1234"},
		{"12:30 lunch", "Re: 12:30 lunch", "Fwd: 12:30 lunch"},
		{":", "Re: :", "Fwd: :"},
		{"[", "Re: [", "Fwd: ["},
		{"]: x", "Re: ]: x", "Fwd: ]: x"},
		{"(): x", "Re: (): x", "Fwd: (): x"},
	}
	for _, tt := range tests {
		if got := ReplySubject(tt.in); got != tt.reply {
			t.Errorf("ReplySubject(%q) = %q, want %q", tt.in, got, tt.reply)
		}
		if got := ForwardSubject(tt.in); got != tt.forward {
			t.Errorf("ForwardSubject(%q) = %q, want %q", tt.in, got, tt.forward)
		}
	}
}

func FuzzSubject(f *testing.F) {
	f.Add("Re[2]: [x] AW: y")
	f.Fuzz(func(t *testing.T, s string) {
		if r := ReplySubject(s); ReplySubject(r) != r {
			t.Errorf("reply subject of %q grows: %q, %q", s, r, ReplySubject(r))
		}
		if r := ForwardSubject(s); ForwardSubject(r) != r {
			t.Errorf("forward subject of %q grows: %q, %q", s, r, ForwardSubject(r))
		}
	})
}
