"""Classification of images: data, training, models and their files."""
