"""What README.md and the pages of docs/ show works, and the site that is made of them is whole."""
