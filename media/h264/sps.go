package h264

import (
	"errors"
	"fmt"
)

// SPS is what a sequence parameter set (H.264 §7.3.2.1.1) asks of a decoder's memory.
type SPS struct {
	ID            int
	Width, Height int // of the coded picture in macroblocks, all fields and what is cropped included
	Frames        int // that are kept: the most of reference frames, decoded frames and frames put in order
	Bytes         int // of a macroblock; 384 with 4:2:0 and 8 bits
}

// Limits is what a decoder is given memory for (H.264 table A-1), in macroblocks of 4:2:0 with 8 bits.
type Limits struct {
	Picture int // MaxFS
	Kept    int // MaxDpbMbs
}

const (
	plainBytes   = 384     // of a macroblock with 4:2:0 and 8 bits
	mostFrames   = 16      // that any level lets a decoder keep (H.264 A.3.1 h)
	mostSide     = 1 << 10 // macroblocks, four times what 1080p may have: the products fit 32 bits
	mostCycle    = 255     // num_ref_frames_in_pic_order_cnt_cycle
	mostBitDepth = 14
)

// Within says what of a parameter set is beyond the limits, by its real size. The level that it claims is not looked
// at: phones often write a higher one than they mean.
func (s SPS) Within(l Limits) error {
	one := (s.Width*s.Height*s.Bytes + plainBytes - 1) / plainBytes
	frames := min(l.Kept/one, mostFrames)
	switch {
	case one > l.Picture || s.Width*s.Width > 8*l.Picture || s.Height*s.Height > 8*l.Picture:
		return fmt.Errorf("pictures of %d×%d pixels weigh %d macroblocks, at most %d are taken", 16*s.Width, 16*s.Height, one, l.Picture)
	case s.Frames > frames:
		return fmt.Errorf("%d frames of %d×%d pixels are to be kept, at most %d are", s.Frames, 16*s.Width, 16*s.Height, frames)
	}
	return nil
}

// ParseSPS reads a sequence parameter set. What contradicts the standard is an error, but for the part that no decoder
// needs (VUI): where it ends too early, it says nothing.
func ParseSPS(nal []byte) (SPS, error) {
	var s SPS
	r, err := readerOf(nal)
	if err != nil {
		return s, err
	}
	profile := r.u(8)
	r.u(16) // constraint flags, level_idc
	s.ID = int(r.atMost(maxSPS-1, "seq_parameter_set_id"))
	chroma, depth := r.format(profile)
	r.numbering()
	references := r.ue()
	r.u(1) // gaps_in_frame_num_value_allowed_flag
	width, height := uint64(r.ue())+1, uint64(r.ue())+1
	frames := r.u(1) // frame_mbs_only_flag
	if frames == 0 {
		height *= 2
		r.u(1) // mb_adaptive_frame_field_flag
	}
	r.u(1) // direct_8x8_inference_flag
	cropped := r.crop(chroma, 2-uint64(frames))
	kept := references
	if r.err == nil && r.u(1) == 1 {
		kept = max(kept, r.vui())
	}
	switch {
	case r.err != nil:
		return s, r.err
	case width > mostSide || height > mostSide:
		return s, fmt.Errorf("%d×%d macroblocks are no picture", width, height)
	case cropped[0] >= 16*width || cropped[1] >= 16*height:
		return s, fmt.Errorf("%d×%d pixels are cropped from a picture of %d×%d", cropped[0], cropped[1], 16*width, 16*height)
	case kept > 1000:
		return s, fmt.Errorf("%d frames are to be kept", kept)
	}
	s.Width, s.Height, s.Frames = int(width), int(height), int(kept)
	s.Bytes = [...]int{256, 384, 512, 768}[chroma]
	if depth > 8 {
		s.Bytes *= 2
	}
	return s, nil
}

// errProfile says that a parameter set may be laid out in a way that is not known here.
var errProfile = errors.New("its profile is none of Baseline, Main, Extended, High and their like")

// format reads what the profiles from High on say of samples.
func (r *bitReader) format(profile uint32) (chroma, depth uint32) {
	switch profile {
	case 66, 77, 88:
		return 1, 8
	case 100, 110, 122, 244, 44:
	default: // scalable, multi-view, or one of tomorrow
		r.fail(errProfile)
		return 1, 8
	}
	if chroma = r.atMost(3, "chroma_format_idc"); chroma == 3 {
		r.u(1) // separate_colour_plane_flag
	}
	depth = 8 + max(r.atMost(mostBitDepth-8, "bit_depth_luma"), r.atMost(mostBitDepth-8, "bit_depth_chroma"))
	r.u(1) // qpprime_y_zero_transform_bypass_flag
	if r.u(1) == 1 {
		lists := 8
		if chroma == 3 {
			lists = 12
		}
		for i := range lists {
			if r.u(1) == 1 {
				r.scalingList(i)
			}
		}
	}
	return chroma, depth
}

// scalingList skips the i-th (§7.3.2.1.1.1).
func (r *bitReader) scalingList(i int) {
	size := 16
	if i >= 6 {
		size = 64
	}
	last := int32(8)
	for range size {
		next := (last + r.se() + 256) & 0xff
		if next == 0 || r.err != nil {
			return
		}
		last = next
	}
}

// numbering skips how frames are numbered and put in order.
func (r *bitReader) numbering() {
	r.atMost(12, "log2_max_frame_num")
	switch r.atMost(2, "pic_order_cnt_type") {
	case 0:
		r.atMost(12, "log2_max_pic_order_cnt")
	case 1:
		r.u(1)
		r.se()
		r.se()
		for range r.atMost(mostCycle, "num_ref_frames_in_pic_order_cnt_cycle") {
			r.se()
		}
	}
}

// crop reads how many columns and rows are cut off (§7.4.2.1.1).
func (r *bitReader) crop(chroma uint32, fields uint64) (cut [2]uint64) {
	if r.u(1) == 0 {
		return cut
	}
	cut[0] = uint64(r.ue()) + uint64(r.ue())
	cut[1] = uint64(r.ue()) + uint64(r.ue())
	if chroma == 1 || chroma == 2 {
		cut[0] *= 2
	}
	if chroma == 1 {
		cut[1] *= 2
	}
	cut[1] *= fields
	return cut
}

// vui reads how many frames are kept by the usability information (annex E.1.1). Where it is cut or broken, as that of
// some cameras is, it is 0.
func (r *bitReader) vui() uint32 {
	v := *r
	if v.u(1) == 1 && v.u(8) == 255 { // aspect_ratio_idc Extended_SAR
		v.u(32)
	}
	if v.u(1) == 1 {
		v.u(1) // overscan_appropriate_flag
	}
	if v.u(1) == 1 { // video_signal_type
		v.u(4)
		if v.u(1) == 1 {
			v.u(24)
		}
	}
	if v.u(1) == 1 { // chroma_loc_info
		v.ue()
		v.ue()
	}
	if v.u(1) == 1 { // timing_info
		v.u(32)
		v.u(32)
		v.u(1)
	}
	nal := v.hrd()
	if vcl := v.hrd(); nal || vcl {
		v.u(1) // low_delay_hrd_flag
	}
	v.u(1)           // pic_struct_present_flag
	if v.u(1) == 0 { // bitstream_restriction_flag
		return 0
	}
	v.u(1)
	for range 4 {
		v.ue()
	}
	kept := max(v.ue(), v.ue()) // max_num_reorder_frames, max_dec_frame_buffering
	if v.err != nil {
		return 0
	}
	return kept
}

// hrd skips the parameters of a hypothetical decoder (annex E.1.2) and says whether there were any.
func (r *bitReader) hrd() bool {
	if r.u(1) == 0 {
		return false
	}
	n := 1 + r.atMost(31, "cpb_cnt")
	r.u(8)
	for range n {
		r.ue()
		r.ue()
		r.u(1)
	}
	r.u(20)
	return true
}
