"""Reading whole lines of writing at once, printed or joined, without cutting them into characters first."""
