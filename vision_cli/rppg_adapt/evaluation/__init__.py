"""Error measures of heart rates and pulse waves."""
