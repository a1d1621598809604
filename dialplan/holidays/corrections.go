package holidays

// A correction is a holiday that days.tsv lacks, in some calendars, with the law that says so. Its dates are as in there.
type correction struct {
	codes []string
	holiday
	law string
}

var corrections = []correction{
	{[]string{"jp"}, holiday{"国民の休日", "2032-09-21 2049-09-21"}, "Act on National Holidays (1948, No. 178) art. 3 (3): a day between two holidays is one"},
	{[]string{"us"}, holiday{"Veterans Day", "2023-11-10 2028-11-10 2034-11-10 2045-11-10"}, "5 U.S.C. § 6103 (b): Friday, for a Saturday"},
	{[]string{"us"}, holiday{"Veterans Day", "2029-11-12 2035-11-12 2040-11-12 2046-11-12"}, "Executive Order 11582: Monday, for a Sunday"},
	{[]string{"mw"}, holiday{"Boxing Day", "12-26"}, "Public Holidays Act (Cap. 18:05), schedule"},
	{[]string{"au-nt"}, holiday{"Christmas Day", "12-25"}, "Public Holidays Act 1981 (NT), schedule 2: the day itself, and another for a weekend"},
	{[]string{"au-sa"}, holiday{"Christmas Day", "12-25"}, "Public Holidays Act 2023 (SA): the day itself, and another for a weekend"},
	{[]string{"bg"}, holiday{"Коледа", "12-26"}, "Кодекс на труда чл. 154 (1): 25 and 26 December"},
	{
		[]string{"bg"}, holiday{"Почивен ден", "2020-05-25 2020-09-07 2020-12-28 2021-05-04 2021-12-27 2021-12-28 2022-01-03 2022-05-02 " +
			"2022-12-27 2022-12-28 2023-01-02 2023-05-08 2023-12-27 2024-03-04 2024-09-23 2025-05-26 " +
			"2025-09-08 2026-05-25 2026-09-07 2026-12-28 2027-05-04 2027-12-27 2027-12-28 2028-01-03 " +
			"2028-05-08 2028-12-27 2029-03-05 2029-05-07 2029-09-24 2030-03-04 2030-09-23 2031-05-26 " +
			"2031-09-08 2032-05-04 2032-12-27 2032-12-28 2033-01-03 2033-05-02 2033-12-27 2033-12-28 " +
			"2034-01-02 2034-05-08 2034-12-27 2035-03-05 2035-05-07 2035-09-24 2036-05-26 2036-09-08 " +
			"2037-05-25 2037-09-07 2037-12-28 2038-05-03 2038-12-27 2038-12-28 2039-01-03 2039-05-02 " +
			"2039-12-27 2039-12-28 2040-01-02 2040-03-05 2040-05-08 2040-09-24 2041-03-04 2041-09-23 " +
			"2042-05-26 2042-09-08 2043-05-25 2043-09-07 2043-12-28 2044-05-02 2044-12-27 2044-12-28 " +
			"2045-01-02 2045-05-08 2045-12-27 2046-03-05 2046-05-07 2046-09-24 2047-03-04 2047-09-23 " +
			"2048-05-25 2048-09-07 2048-12-28 2049-05-03 2049-12-27 2049-12-28"},
		"Кодекс на труда чл. 154 (2): the next working day, for a holiday on a Saturday or Sunday, Easter aside",
	},
}
