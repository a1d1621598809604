package main

import "github.com/jezek/xgb/xproto"

// maxTyped is how many keys wait; who types faster than they are taken loses the last.
const maxTyped = 64

// press passes on what a key means on this keyboard. What a key with Control or Alt means is for programs, and left alone.
func (w *window) press(e xproto.KeyPressEvent) {
	if e.State&(xproto.ModMaskControl|xproto.ModMask1) != 0 {
		return
	}
	m, err := xproto.GetKeyboardMapping(w.conn, e.Detail, 1).Reply()
	if err != nil {
		return
	}
	if key := keyOf(meaning(m.Keysyms, e.State)); key != "" {
		select {
		case w.keys <- key:
		default:
		}
	}
}

// meaning is the keysym of a key, of which X has two for each layout: without and with Shift. The layout is in the state's bits 13 and 14 (X Keyboard
// Extension, §2.2.2).
func meaning(all []xproto.Keysym, state uint16) xproto.Keysym {
	at := func(i int) xproto.Keysym {
		if i < len(all) {
			return all[i]
		}
		return 0
	}
	layout := 2 * int(state>>13&3)
	if layout > 2 || at(layout) == 0 && at(layout+1) == 0 {
		layout = 0
	}
	if state&xproto.ModMaskShift != 0 && at(layout+1) != 0 {
		return at(layout + 1)
	}
	return at(layout)
}

// keyOf is a keysym as an event has it: a letter of Latin-1, or the name of a key; empty for all others.
func keyOf(k xproto.Keysym) string {
	switch {
	case k >= 0x20 && k <= 0x7e, k >= 0xa0 && k <= 0xff:
		return string(rune(k))
	case k >= 0xffaa && k <= 0xffb9: // of the keypad: * + , - . / and digits
		return string(rune(k - 0xff80))
	}
	switch k {
	case 0xff0d, 0xff8d:
		return "Enter"
	case 0xff08:
		return "Backspace"
	case 0xff1b:
		return "Escape"
	case 0xff52, 0xff55, 0xff9a:
		return "PageUp"
	case 0xff54, 0xff56, 0xff9b:
		return "PageDown"
	}
	return ""
}
